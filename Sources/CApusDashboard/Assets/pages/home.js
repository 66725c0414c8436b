// SPDX-License-Identifier: Apache-2.0

// How the server is, at a glance: what needs attention comes first, then figures that move, then what stays.

import { h, fill } from "../lib/dom.js";
import { get } from "../lib/api.js";
import * as activity from "../lib/activity.js";
import { bytes, bytesScaled, counted, duration, durationScaled, number, rate, scaled, seconds } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, facts, page, panel, Tile } from "../components/parts.js";
import { findingBoxes } from "../components/findings.js";
import { listenerLine } from "../components/listener.js";
import { TimeChart } from "../components/chart.js";
import { codeLine } from "../components/code.js";
import { publishDialog } from "../components/publish.js";
import { eventPath } from "../components/event-list.js";

/** @type {import("../lib/router.js").PageMaker} */
export async function home(context) {
    const tiles = {
        published: new Tile("Published", { href: "/ui/topics" }),
        delivered: new Tile("Delivered", { href: "/ui/subscriptions" }),
        acknowledgement: new Tile("Publish to durable"),
        delay: new Tile("Publish to delivery", { href: "/ui/bottlenecks" }),
        backlog: new Tile("Waiting", { href: "/ui/bottlenecks" }),
        oldest: new Tile("Oldest unsettled", { href: "/ui/subscriptions" }),
        letters: new Tile("Dead letters", { href: "/ui/dead-letters" }),
        disk: new Tile("Disk"),
    };
    const traffic = new TimeChart({
        label: "Events per second over the last two minutes",
        lines: [{ label: "published", series: 1, area: true }, { label: "delivered", series: 2 }, { label: "failed attempts", series: 3 }],
        format: (value) => rate(value),
    }, context.signal);
    const latency = latencyChart("Time from publish to durable acknowledgement over the last two minutes", context.signal);
    const delay = latencyChart("Time from publish to the first delivery over the last two minutes", context.signal);
    const findings = h("div.stack");
    const facing = h("div");
    const connect = h("div.stack");
    await context.every(10_000, async () => {
        const [status, diagnosis] = await Promise.all([
            get("/v1/status", {}, { signal: context.signal }), get("/v1/diagnosis", {}, { signal: context.signal })]);
        fill(findings, findingBoxes(diagnosis.findings));
        fill(facing, serverFacts(status));
        fill(connect, connectLines(status));
    });
    activity.watch(() => showActivity(tiles, { traffic, latency, delay }), context.signal);
    return {
        title: "Home",
        element: page({
            title: "Home",
            actions: [button(
                "Publish an event",
                () => publishDialog({ done: (receipt) => context.go(eventPath(receipt)) }),
                { kind: "main" },
            )],
        },
        findings,
        h("div.tiles.four", {}, Object.values(tiles).map((tile) => tile.element)),
        panel("Events per second", {}, traffic.element),
        h("div.columns", {},
            panel("Publish to durable", { aside: h("span.small.faint", {}, "over HTTP, 10 s windows") }, latency.element),
            panel("Publish to delivery", { aside: h("span.small.faint", {}, "first hand-out, 10 s windows") }, delay.element)),
        h("div.columns", {}, panel("Server", {}, facing), panel("Connect", {}, connect))),
    };
}

/** @param {string} label @param {AbortSignal} signal */
function latencyChart(label, signal) {
    return new TimeChart({
        label, lines: [{ label: "p50", series: 1 }, { label: "p99", series: 2 }],
        format: (value) => duration(value), least: 0.001,
    }, signal);
}

/** @param {Record<string, Tile>} tiles @param {{ traffic: TimeChart, latency: TimeChart, delay: TimeChart }} charts */
function showActivity(tiles, { traffic, latency, delay }) {
    const now = activity.latest();
    if (!now) return;
    tiles.published.set(perSecond(activity.rate("published")), `${number(now.published)} since start`);
    const failed = activity.rate("failed", 10) ?? 0;
    tiles.delivered.set(perSecond(activity.rate("delivered")),
        failed > 0 ? `${rate(failed)} fail` : `${number(now.delivered)} since start`, failed > 0 ? "warn" : undefined);
    showLatency(tiles.acknowledgement, "publish_ack", "nothing published over HTTP of late");
    // Timestamps have no more than milliseconds.
    showLatency(tiles.delay, "delivery_delay", "nothing delivered for the first time of late", 0.001);
    tiles.backlog.set(scaled(now.backlog), `${number(now.in_flight)} in flight, ${number(now.waiting)} for a retry`);
    const wait = now.oldest_unsettled === null ? 0 : Math.max(0, (now.at - Date.parse(now.oldest_unsettled)) / 1000);
    tiles.oldest.set(now.oldest_unsettled === null ? ["none", ""] : durationScaled(wait),
        now.oldest_subscription ?? "everything is settled", wait > 3600 ? "bad" : wait > 300 ? "warn" : undefined);
    tiles.letters.set(
        [number(now.dead_letters), ""],
        now.dead_letters ? "wait for somebody to deal with them" : "nothing was given up",
        now.dead_letters ? "bad" : undefined,
    );
    tiles.disk.set(
        bytesScaled(now.stored_bytes + now.pending_bytes),
        diskNote(now),
        (now.free_bytes ?? Infinity) < 2 ** 30 ? "bad" : undefined,
    );
    traffic.set(activity.rates("published"), activity.rates("delivered"), activity.rates("failed"));
    latency.set(activity.quantiles("publish_ack", 0.5), activity.quantiles("publish_ack", 0.99));
    delay.set(activity.quantiles("delivery_delay", 0.5), activity.quantiles("delivery_delay", 0.99));
}

/**
 * @param {Tile} tile @param {string} name of a histogram @param {string} nothing what to say when it has counted nothing
 * @param {number} [least] the least that it can tell, in seconds
 */
function showLatency(tile, name, nothing, least = 0) {
    const [median, worst] = [activity.quantile(name, 0.5), activity.quantile(name, 0.99)];
    if (median === null || worst === null) return tile.set(["–", ""], nothing);
    const [figure, unit] = durationScaled(Math.max(median, least));
    tile.set([median < least ? `< ${figure}` : figure, unit],
        `median; p99 ${worst < least ? "< " : ""}${duration(Math.max(worst, least))}, last minute`);
}

/** @param {number | null} value @returns {[string, string]} */
function perSecond(value) {
    if (value === null) return ["–", "/s"];
    const [figure, unit] = scaled(value);
    return [figure, `${unit}/s`];
}

/** What is left of the disk, and for how long at the present rate. @param {activity.Sample} now */
function diskNote(now) {
    if (now.free_bytes === null) return "of an unknown size";
    const growth = activity.trend("stored_bytes") ?? 0;
    const days = growth > 1000 ? now.free_bytes / growth / 86_400 : Infinity;
    return `${bytes(now.free_bytes)} free${days < 3650 ? `, ${duration(days * 86_400)} at this rate` : ""}`;
}

/** @param {any} status */
function serverFacts(status) {
    const damaged = status.disk.quarantined;
    const damage = damaged ? counted(damaged, "damaged batch", "damaged batches") : "nothing is damaged";
    return facts([
        ["State", status.ready ? badge("ready", "good") : badge(status.unavailable ?? "not ready", "bad")],
        ["Version", [status.version, h("span.faint", {}, ` · up ${duration(seconds(status.uptime))}`)]],
        ["Holds", h("span", {}, counted(status.topics, "topic"), ", ", counted(status.partitions, "partition"), ", ",
            counted(status.subscriptions, "subscription"), ", ", counted(status.rules, "rule"))],
        ["Durability", [h("code", {}, status.topic_defaults.durability), h("span.faint", {}, " for topics that do not say otherwise")]],
        ["Last recovery", `took ${duration(seconds(status.recovery))}; ${damage}`],
        ["Listens", status.listeners.map(listenerLine)],
    ]);
}

/** Lines to copy. @param {any} status */
function connectLines(status) {
    const kafka = status.listeners.find((/** @type {any} */ one) => one.service === "kafka")?.address;
    const token = status.listeners.some((/** @type {any} */ one) => one.token) ? " -H \"authorization: Bearer $APUS_TOKEN\"" : "";
    return [
        h("p.small.faint", {}, "Publish"),
        codeLine(`curl ${location.origin}/v1/topics/orders/events${token} -H 'content-type: application/json' -d '{"id": 1}'`),
        h("p.small.faint", {}, "Watch"),
        codeLine(commandLine("tail", "orders", ["--from", "earliest"])),
        kafka && [h("p.small.faint", {}, "From Kafka's clients"), codeLine(`kcat -b ${kafka} -t orders -C -o beginning`)],
        h("p.small.faint", {}, "From Swift"),
        codeLine(`let bus = try await Bus.connect("apus://${location.host}")`, { prompt: false }),
    ];
}

