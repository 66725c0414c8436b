// SPDX-License-Identifier: Apache-2.0

// What goes on in the server: one stream for the whole page, two minutes of samples, and what follows from them: rates, quantiles, trends.
// The stream is open while somebody looks at the page, and closed when the tab is in the background.

import { noteServerTime } from "./format.js";
import { follow } from "./stream.js";

/** @typedef {{ bounds: number[], counts: number[] }} Histogram */
/** @typedef {Record<string, any> & { at: number }} Sample counts and gauges of one moment; `at` in milliseconds */

const KEPT = 120_000;

/** @type {Sample[]} */
let samples = [];
/** @type {Set<() => void>} */
const watchers = new Set();
/** @type {"waiting" | import("./stream.js").StreamState} */
let state = "waiting";
let stop = new AbortController();

/** Begins to follow. */
export function start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? stop.abort() : open()));
    open();
}

/** Follows anew, such as when there is a token at last. */
export function open() {
    stop.abort();
    stop = new AbortController();
    follow("/v1/activity", {
        signal: stop.signal,
        receive: ({ event, data }) => event === "sample" && add(data),
        state: (value) => {
            if (state === value) return;
            state = value;
            tell();
        },
    });
}

/** @param {any} data */
function add(data) {
    const sample = { ...data, at: Date.parse(data.time) };
    const last = samples.at(-1);
    // After a new beginning the stream tells once more what it told before.
    if (last && sample.at <= last.at) return;
    noteServerTime(sample.at);
    // Counts that fall mean that the server was started anew.
    if (last && sample.flushed_bytes < last.flushed_bytes) samples = [];
    samples = [...samples.filter((one) => one.at > sample.at - KEPT), sample];
    tell();
}

function tell() {
    for (const watcher of watchers) watcher();
}

/**
 * Calls `watcher` now and after every sample, until the signal.
 * @param {() => void} watcher @param {AbortSignal} signal
 */
export function watch(watcher, signal) {
    watchers.add(watcher);
    signal.addEventListener("abort", () => watchers.delete(watcher), { once: true });
    watcher();
}

export const connection = () => state;

/** The newest sample. @returns {Sample | undefined} */
export const latest = () => samples.at(-1);

/** The first sample that is at most so many seconds older than sample number `index`. @param {number} index @param {number} span */
function before(index, span) {
    const from = samples[index].at - span * 1000 - 100;
    let found = index;
    while (found > 0 && samples[found - 1].at >= from) found -= 1;
    return samples[found];
}

/** @param {string} name @param {number} index @param {number} span @returns {number | null} */
function rateAt(name, index, span) {
    const [old, sample] = [before(index, span), samples[index]];
    if (old === sample) return null;
    // What is deleted takes its counts along: a sum that falls is no rate.
    return Math.max(0, sample[name] - old[name]) / ((sample.at - old.at) / 1000);
}

/** How fast a count grew of late, per second. @param {string} name @param {number} [span] seconds */
export const rate = (name, span = 5) => (samples.length ? rateAt(name, samples.length - 1, span) : null);

/** The rates of two minutes, for charts. @param {string} name @param {number} [span] */
export const rates = (name, span = 2) => samples.map((sample, index) => /** @type {const} */ ([sample.at, rateAt(name, index, span)]));

/** How a gauge moves, per second, over all that is known. @param {string} name */
export function trend(name) {
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || last.at - first.at < 10_000) return null;
    return (last[name] - first[name]) / ((last.at - first.at) / 1000);
}

/**
 * A quantile of what a histogram counted within the last seconds, by going straight through its bucket; null when it counted nothing.
 * @param {string} name @param {number} share 0 to 1 @param {number} index @param {number} span
 */
function quantileAt(name, share, index, span) {
    const [old, sample] = [before(index, span), samples[index]];
    const bounds = sample[name].bounds;
    const counts = sample[name].counts.map((count, place) => count - (old[name].counts[place] ?? 0));
    const total = counts.at(-1) ?? 0;
    if (old === sample || total <= 0) return null;
    const rank = share * total;
    const place = counts.findIndex((count) => count >= rank);
    if (place >= bounds.length) return bounds.at(-1) ?? null;
    const [low, below] = place === 0 ? [0, 0] : [bounds[place - 1], counts[place - 1]];
    const within = counts[place] - below;
    return low + (bounds[place] - low) * (within > 0 ? (rank - below) / within : 1);
}

/** @param {string} name @param {number} share @param {number} [span] */
export const quantile = (name, share, span = 60) => (samples.length ? quantileAt(name, share, samples.length - 1, span) : null);

/** @param {string} name @param {number} share @param {number} [span] */
export const quantiles = (name, share, span = 10) =>
    samples.map((sample, index) => /** @type {const} */ ([sample.at, quantileAt(name, share, index, span)]));
