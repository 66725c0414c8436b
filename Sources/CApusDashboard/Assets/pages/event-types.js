// SPDX-License-Identifier: Apache-2.0

// The catalogue of events: what types there are, and of one everything that is known: who publishes it, who gets it, its schemas.

import { h, fill } from "../lib/dom.js";
import { get, part } from "../lib/api.js";
import { age, number } from "../lib/format.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, empty, facts, page, panel, segments } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { jsonTree } from "../components/json-tree.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { rulePath } from "./rules.js";
import { schemaPath } from "./schemas.js";
import { topicPath } from "./topics.js";

/** @param {string} type */
export const eventTypePath = (type) => `/ui/event-types/${encodeURIComponent(type)}`;

/** How a type came to be known. @param {any} one */
const known = (one) => [
    one.declared && badge("declared", "info", "Somebody has said what it is"),
    one.discovered && badge(one.declared ? "seen" : "discovered", one.declared ? "good" : undefined, "It was seen in a topic"),
];

/** @param {string | null} time */
const ago = (time) => (time ? h("span", { title: time }, age(time)) : "–");

/** @type {import("../lib/router.js").PageMaker} */
export async function eventTypes(context) {
    const table = new Table({
        label: "Types of events", key: (one) => one.type, href: (one) => eventTypePath(one.type),
        columns: [
            { label: "Type", kind: "name", cell: (one) => h("a", { href: eventTypePath(one.type) }, one.type) },
            { label: "Known", kind: "tight", cell: known },
            { label: "Owner", kind: "clip", cell: (one) => one.owner ?? "–" },
            { label: "Topics", kind: "clip spare", cell: (one) => one.topics.join(", ") },
            { label: "Schemas", kind: "clip spare", cell: (one) => one.subjects.join(", ") || "–" },
            { label: "Seen", kind: "end", cell: (one) => number(one.count) },
            { label: "Last", kind: "end", cell: (one) => ago(one.last) },
        ],
        empty: () => list.search
            ? empty(`“${list.search}” is in no type, owner, description, topic or producer.`)
            : empty("No events are known.",
                h("p", {}, "Types of events are found in what is published, within about a second. What they mean, and whose they are, ",
                    "has to be said by somebody:"),
                codeLine(atThisServer("apus event declare order.placed --owner shop --topic orders --description 'Somebody has bought something.'"))),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/event-types", member: "event_types", label: "Search events", table, name: (row) => row.type,
    });
    await context.every(2000, () => list.load());
    return {
        title: "Events",
        element: page({ title: "Events", about: "Types of events that were declared, or seen in topics." },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("event", "list"))),
    };
}

/** @param {string} label @param {any[]} columns @param {(row: any) => string} key @param {string} nothing */
const listOf = (label, columns, key, nothing) => new Table({ label, columns, key, empty: () => empty(nothing) });

/** @type {import("../lib/router.js").PageMaker} */
export async function eventType(context) {
    const [type] = context.names;
    const topicLink = (/** @type {any} */ one) => h("a", { href: topicPath(one.topic) }, one.topic);
    const topics = listOf("Topics", [
        { label: "Topic", kind: "name", cell: topicLink },
        {
            label: "Known", kind: "tight", cell: (/** @type {any} */ one) => [
                one.declared && badge("declared", "info"), one.count > 0 && badge("seen", "good"),
                !one.exists && badge("missing", "bad", "There is no such topic"),
            ],
        },
        { label: "Seen", kind: "end", cell: (/** @type {any} */ one) => number(one.count) },
        { label: "First", kind: "end spare", cell: (/** @type {any} */ one) => ago(one.first) },
        { label: "Last", kind: "end", cell: (/** @type {any} */ one) => ago(one.last) },
        {
            label: "Copied by", kind: "clip", cell: (/** @type {any} */ one) =>
                one.rules.map((/** @type {string} */ rule) => [h("a", { href: rulePath(rule) }, rule), " "]),
        },
    ], (one) => one.topic, "No topic is known.");
    const producers = listOf("Published by", [
        { label: "Source", kind: "name", cell: (/** @type {any} */ one) => one.source },
        { label: "Topic", kind: "clip", cell: topicLink },
        { label: "By", kind: "tight", cell: (/** @type {any} */ one) => one.way ?? "–" },
        { label: "Seen", kind: "end", cell: (/** @type {any} */ one) => number(one.count) },
        { label: "Last", kind: "end", cell: (/** @type {any} */ one) => ago(one.last) },
    ], (one) => `${one.source}\n${one.topic}\n${one.way}`, "Nobody was seen to publish it.");
    const places = {
        subscription: "/ui/subscriptions/", target: "/ui/subscriptions/", group: "/ui/groups/", rule: "/ui/rules/",
    };
    const consumers = listOf("Gets it", [
        {
            label: "Name", kind: "name", cell: (/** @type {any} */ one) =>
                h("a", { href: places[/** @type {keyof typeof places} */ (one.kind)] + encodeURIComponent(one.name) }, one.name),
        },
        { label: "Kind", kind: "tight", cell: (/** @type {any} */ one) => one.kind },
        { label: "Topic", kind: "clip", cell: topicLink },
        {
            label: "Gets", kind: "tight", cell: (/** @type {any} */ one) => one.gets === "all" ? "every event"
                : h("span", { title: "Its pattern asks for something else, too" }, "some"),
        },
        { label: "Passes on to", kind: "clip spare", cell: (/** @type {any} */ one) => one.targets.join(", ") },
        { label: "State", kind: "tight", cell: (/** @type {any} */ one) => (one.paused ? badge("paused", "warn") : "") },
    ], (one) => `${one.kind}\n${one.name}\n${one.topic}`, "Nobody gets it.");
    const head = h("span");
    const about = h("div");
    const schemas = h("div.stack");
    let shown = "";
    await context.every(3000, async () => {
        const now = await get(`/v1/event-types/${part(type)}`, {}, { signal: context.signal });
        fill(head, known(now), " ", now.owner ? ["owner: ", h("b", {}, now.owner)] : "nobody has said whose it is");
        topics.set(now.topics);
        producers.set(now.producers);
        consumers.set(now.consumers);
        // What people and schemas say is built anew only when it has changed: it may be open, or being read.
        const text = JSON.stringify([now.title, now.description, now.example, now.declared_producers, now.declared_consumers, now.schemas]);
        if (text === shown) return;
        shown = text;
        fill(about, now.declared && panel("What is said about it", {},
            now.description && h("p", {}, now.description),
            facts([
                ["Title", now.title ?? "–"],
                ["Producers", now.declared_producers.join(", ") || "–"],
                ["Consumers", now.declared_consumers.join(", ") || "–"],
            ]),
            now.example !== null && [h("h3", {}, "Example"), jsonTree(now.example)]));
        fill(schemas, now.schemas.length ? now.schemas.map((/** @type {any} */ one) => schemaPanel(one, context.signal))
            : panel("Schema", {}, empty("No schema is registered.",
                h("p", {}, "The server can propose one from what lies in a topic; nothing is registered by that:"),
                codeLine(commandLine("schema", "infer", ["--topic", now.topics[0]?.topic ?? "TOPIC"], ["--type", type])))));
    });
    return {
        title: type,
        element: page({ title: type, crumbs: [["Events", "/ui/event-types"]], about: head },
            about,
            panel("Published by", { flush: true }, producers.element),
            panel("Gets it, and breaks if it changes", { flush: true }, consumers.element),
            panel("Topics", { flush: true }, topics.element), schemas,
            sameInShell(commandLine("event", "show", type))),
    };
}

/** A subject with one of its versions. @param {any} use @param {AbortSignal} signal */
function schemaPanel(use, signal) {
    const body = h("div");
    const show = async (/** @type {string} */ version) => {
        try {
            const found = await get(`/v1/schemas/${part(use.subject)}/versions/${version}`, {}, { signal });
            fill(body, typeof found.schema === "string" ? h("pre.code-block", { tabindex: 0 }, found.schema) : jsonTree(found.schema));
        } catch (error) {
            if (!signal.aborted) fill(body, h("p.soft", {}, String(/** @type {any} */ (error)?.message ?? error)));
        }
    };
    if (use.version === null) {
        return panel(`Schema ${use.subject}`, {}, empty("Nothing is registered under this subject yet."));
    }
    void show(String(use.version));
    const why = { declared: "as declared", event_type: "bound to this type", topic: `of topic ${use.topic}` };
    const versions = use.versions.slice(-8).map((/** @type {number} */ one) => [String(one), `v${one}`]);
    const title = ["Schema ", h("a", { href: schemaPath(use.subject) }, use.subject)];
    return panel(title, { aside: segments("Version", versions, String(use.version), show) },
        h("p.small.faint", {}, `${why[/** @type {keyof typeof why} */ (use.by)]}, ${use.format}`), body);
}
