// SPDX-License-Identifier: Apache-2.0

// One event: what it says, where it came from, and everything that happened to it.

import { h, fill } from "../lib/dom.js";
import { get, hasToken, part, Problem, queryText } from "../lib/api.js";
import { bytes, moment } from "../lib/format.js";
import { parseJSON, rawNumber } from "../lib/json-text.js";
import { commandLine, quoted } from "../lib/shell-quote.js";
import { pageKeys } from "../lib/keys.js";
import { badge, button, facts, notice, page, panel, segments } from "../components/parts.js";
import { chainPanel, journeyPanels } from "../components/journey.js";
import { codeBlock, copy, sameInShell } from "../components/code.js";
import { jsonTree } from "../components/json-tree.js";
import { publishDialog } from "../components/publish.js";
import { eventPath } from "../components/event-list.js";
import { topicPath } from "./topics.js";

/** Attributes with a place of their own at the top of the list. */
const CORE = ["id", "type", "source", "subject", "time", "datacontenttype", "dataschema"];

/** @type {import("../lib/router.js").PageMaker} */
export async function event(context) {
    const [topic, partition, offset] = context.names;
    const place = { topic, partition: Number(partition), offset: Number(offset) };
    const found = await get(`/v1/topics/${part(topic)}/events`, { partition, from: offset, limit: 1 }, { signal: context.signal })
        .catch((error) => {
            // Behind the end there is no event, and a way back.
            if (error instanceof Problem && error.body.end !== undefined) return { events: [] };
            throw error;
        });
    const stored = found.events[0];
    const earlier = { ...place, offset: place.offset - 1 };
    const later = { ...place, offset: place.offset + 1 };
    pageKeys([
        { keys: "j", about: "Event after this", act: () => context.go(eventPath(later)) },
        { keys: "k", about: "Event before this", act: () => place.offset > 0 && context.go(eventPath(earlier)) },
    ], context.signal);
    const crumbs = /** @type {[string, string][]} */ ([["Topics", "/ui/topics"], [topic, topicPath(topic)]]);
    if (!stored || stored.offset !== place.offset) {
        return {
            title: `${topic} ${partition}/${offset}`,
            element: page({ title: `Partition ${partition}, offset ${offset}`, crumbs }, notice("info", "There is no event at this offset.",
                h("p.soft", {}, "Offsets need not be dense: markers of transactions, compaction and flushes that failed leave holes. ",
                    stored && h("a", { href: eventPath(stored) }, `The next event is at ${stored.offset}.`)))),
        };
    }
    const one = stored.event;
    const journey = await journeyPanels(place, context);
    return {
        title: one.type,
        element: page({
            title: one.type, crumbs,
            badges: [badge(`partition ${partition}`), badge(`offset ${offset}`)],
            about: `Arrived ${moment(stored.time)}`,
            actions: [
                button(
                    "Edit and publish again",
                    () => publishDialog({ topic, event: one, key: stored.key, done: (receipt) => context.go(eventPath(receipt)) }),
                ),
                button("Copy as curl", () => copy(curlLine(topic, stored))),
                button("Copy JSON", () => copy(JSON.stringify(one, null, 2))),
            ],
        },
        h("div.columns", {}, panel("Data", {}, dataViews(one)),
            h("div.stack", {},
                panel("Attributes", {}, attributes(stored)),
                stored.lineage && panel("Lineage", {}, lineage(stored.lineage)),
            )),
        journey,
        chainPanel(one, stored.time, context),
        sameInShell(commandLine("get", topic, ["--partition", partition], ["--from", offset], ["--limit", 1]))),
    };
}

/** @param {any} stored */
function attributes({ event: one, key }) {
    const names = Object.keys(one).filter((name) => !["specversion", "data", "data_base64"].includes(name));
    const known = [...CORE.filter((name) => names.includes(name)), ...names.filter((name) => !CORE.includes(name)).sort()];
    return facts([...known.map((name) => /** @type {[string, any]} */ ([name, h("code", {}, rawNumber(one[name]) ?? String(one[name]))])),
        ["key", key === null ? h("span.faint", {}, "none: placed in turn") : h("code", {}, key)]]);
}

/** @param {any} one */
function lineage(one) {
    const link = (/** @type {string} */ from) => {
        const [topic, partition, offset] = from.split("/");
        return offset === undefined ? from : h("a", { href: eventPath({ topic, partition: Number(partition), offset: Number(offset) }) },
            from,
        );
    };
    return facts([
        ["Came from", link(one.from)],
        ...(one.rule ? [["By rule", h("a", { href: `/ui/rules/${encodeURIComponent(one.rule)}` }, one.rule)]] : []),
        ...(one.for ? [["For", one.for]] : []),
        ...(one.edited ? [["Edited", "yes, when it was redriven"]] : []),
    ]);
}

// Data, in every form that makes sense of it

/** @param {any} one */
function dataViews(one) {
    const raw = rawBytes(one);
    if (raw.length === 0) return h("p.soft", {}, "This event has no data.");
    const text = decoded(raw);
    const parsed = one.data !== undefined && typeof one.data !== "string" ? one.data : jsonOf(text);
    const views = /** @type {Record<string, () => Element>} */ ({
        ...(parsed !== undefined && typeof parsed === "object" ? { tree: () => jsonTree(parsed) } : {}),
        ...(text !== null ? { raw: () => codeBlock(text) } : {}),
        hex: () => hexView(raw),
    });
    const names = Object.keys(views);
    const view = h("div");
    const show = (/** @type {string} */ name) => fill(view, views[name]());
    show(names[0]);
    const labels = { tree: "Tree", raw: "Raw", hex: "Hex" };
    return [
        h("div.toolbar", {}, segments("How data are shown", names.map((name) => [name, labels[name]]), names[0], show),
            h("span.small.faint", {}, `${bytes(raw.length)}${one.datacontenttype ? ` of ${one.datacontenttype}` : ""}`)),
        view,
    ];
}

/** @param {any} one @returns {Uint8Array} */
function rawBytes(one) {
    if (one.data_base64 !== undefined) return Uint8Array.from(atob(one.data_base64), (letter) => letter.charCodeAt(0));
    if (one.data === undefined) return new Uint8Array();
    return new TextEncoder().encode(typeof one.data === "string" ? one.data : JSON.stringify(one.data, null, 2));
}

/** @param {Uint8Array} raw */
function decoded(raw) {
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(raw);
    } catch {
        return null;
    }
}

/** @param {string | null} text */
function jsonOf(text) {
    try {
        return text === null ? undefined : parseJSON(text);
    } catch {
        return undefined;
    }
}

/** Sixteen bytes a line, with the letters that they stand for. @param {Uint8Array} raw */
function hexView(raw) {
    const shown = raw.subarray(0, 16_384);
    const lines = Array.from({ length: Math.ceil(shown.length / 16) }, (_, index) => {
        const row = [...shown.subarray(index * 16, index * 16 + 16)];
        const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47);
        const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
        return `${(index * 16).toString(16).padStart(6, "0")}  ${hex}  ${letters}`;
    });
    if (shown.length < raw.length) lines.push(`… ${bytes(raw.length - shown.length)} more`);
    return h("pre.code-block.hex", { tabindex: 0 }, lines.join("\n"));
}

/** Publishes the event again, with the key that it has. @param {string} topic @param {any} stored */
function curlLine(topic, { event: one, key }) {
    const query = queryText({ key: one.partitionkey === undefined ? key : null });
    const token = hasToken() ? ' -H "Authorization: Bearer $APUS_TOKEN"' : "";
    const address = quoted(`${location.origin}/v1/topics/${part(topic)}/events${query}`);
    return `curl ${address}${token} -H 'content-type: application/cloudevents+json' -d ${quoted(JSON.stringify(one))}`;
}
