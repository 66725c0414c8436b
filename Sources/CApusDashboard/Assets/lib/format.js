// SPDX-License-Identifier: Apache-2.0

// Numbers, sizes, durations and times as people read them. Numbers are written the same everywhere (1,234.5), as in the commands.

import { usesUTC } from "./settings.js";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1,234,567 @param {number} value */
export const number = (value) => whole.format(value);

/** Three figures at most: 0.25, 12.3, 456, 1.23 k, 4.5 M. @param {number} value @returns {[string, string]} figure and unit prefix */
export function scaled(value) {
    const units = ["", "k", "M", "G", "T"];
    let index = 0;
    while (Math.abs(value) >= 999.5 && index < units.length - 1) {
        value /= 1000;
        index += 1;
    }
    return [figures(value), units[index]];
}

/** @param {number} value */
function figures(value) {
    const size = Math.abs(value);
    if (size === 0 || size >= 99.95) return whole.format(value);
    return String(Number(value.toFixed(size >= 9.995 ? 1 : 2)));
}

/** 1.2 k/s; null where the rate is not known yet. @param {number | null | undefined} value */
export function rate(value) {
    if (value === null || value === undefined) return "–";
    const [figure, unit] = scaled(value);
    return `${figure}${unit && ` ${unit}`}/s`;
}

/** 3.4 MiB @param {number} value @returns {[string, string]} */
export function bytesScaled(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let index = 0;
    while (value >= 1023.5 && index < units.length - 1) {
        value /= 1024;
        index += 1;
    }
    return [index === 0 ? whole.format(value) : figures(value), units[index]];
}

/** @param {number} value */
export const bytes = (value) => bytesScaled(value).join(" ");

/** A duration in its largest unit: 250 µs, 1.5 ms, 12 s, 4 min, 3 h, 2 d. @param {number} seconds @returns {[string, string]} */
export function durationScaled(seconds) {
    if (seconds < 0.000_999_5) return [figures(seconds * 1e6), "µs"];
    if (seconds < 0.9995) return [figures(seconds * 1e3), "ms"];
    if (seconds < 90) return [figures(seconds), "s"];
    if (seconds < 5400) return [whole.format(seconds / 60), "min"];
    if (seconds < 48 * 3600) return [whole.format(seconds / 3600), "h"];
    return [whole.format(seconds / 86_400), "d"];
}

/** @param {number} seconds */
export const duration = (seconds) => durationScaled(seconds).join(" ");

/** By how much the server's clock is ahead of the browser's, and when that was noted; milliseconds. */
const ahead = { by: 0, noted: -Infinity };

/** Notes what time it is at the server, as it says itself just now. @param {number} time milliseconds */
export function noteServerTime(time) {
    const at = performance.now();
    const by = time - Date.now();
    // A stream begins with what was, at once: of what comes together, only the latest is of now.
    if (by > ahead.by || at - ahead.noted > 500) ahead.by = by;
    ahead.noted = at;
}

/** The time by the server's clock, which all times that it tells are of; milliseconds. */
export const now = () => Date.now() + ahead.by;

/** How long ago a time of the server was. @param {string | null} time */
export function age(time) {
    if (time === null || time === undefined) return "–";
    return duration(Math.max(0, (now() - Date.parse(time)) / 1000));
}

/** The seconds of a duration as the API writes it, such as `30s` or `7d`. @param {string} text */
export function seconds(text) {
    const found = /^([0-9]+)(ms|s|m|h|d)$/.exec(text);
    return found ? Number(found[1]) * { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }[found[2]] : 0;
}

/** @param {number} value @param {number} [length] */
const padded = (value, length = 2) => String(value).padStart(length, "0");

/** @param {Date} date */
function parts(date) {
    return usesUTC()
        ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(),
            date.getUTCMilliseconds()]
        : [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds(),
            date.getMilliseconds()];
}

/** 12:34:56, with milliseconds if wanted. @param {number | string} time @param {boolean} [precise] */
export function clock(time, precise = false) {
    const [, , , hour, minute, second, rest] = parts(new Date(time));
    return `${padded(hour)}:${padded(minute)}:${padded(second)}${precise ? `.${padded(rest, 3)}` : ""}`;
}

/** 2026-11-26 12:34:56.789, with Z where it is UTC. @param {number | string | null} time @param {boolean} [precise] */
export function moment(time, precise = true) {
    if (time === null || time === undefined) return "–";
    const [year, month, day] = parts(new Date(time));
    return `${year}-${padded(month)}-${padded(day)} ${clock(time, precise)}${usesUTC() ? "Z" : ""}`;
}

/** The name of the clock that is shown. */
export const zone = () => (usesUTC() ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone);

/** `1 event`, `2 events` @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** `1 event waits`, `2 events wait` @param {number} count @param {string} [one] */
export const waits = (count, one = "event") => `${counted(count, one)} ${count === 1 ? "waits" : "wait"}`;
