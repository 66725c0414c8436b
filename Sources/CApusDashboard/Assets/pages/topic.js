// SPDX-License-Identifier: Apache-2.0

// One topic: its events, newest first and never consumed by looking, where its partitions stand, who reads it, and how it is set.

import { h, fill } from "../lib/dom.js";
import { get, part, post, queryText, remove } from "../lib/api.js";
import { age, bytes, counted, moment, number, rate } from "../lib/format.js";
import { Peek } from "../lib/peek.js";
import { Rates } from "../lib/rates.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, facts, linkButton, page, panel, searchField, tabs } from "../components/parts.js";
import { codeBlock, codeLine, sameInShell } from "../components/code.js";
import { confirmByTyping } from "../components/dialog.js";
import { contains, eventColumns, eventKey, eventPath } from "../components/event-list.js";
import { publishDialog } from "../components/publish.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { COMPACTED, isCompacted, size, stored, storedCell, storedText, topicPath } from "./topics.js";
import { stateBadge, subscriptionPath } from "./subscriptions.js";

const PAGE = 50;
/** The most partitions that are merged by time; of wider topics one is looked at. */
const MERGED = 16;
/** How many subscriptions and rules are listed. */
const MANY = 1000;

/** @type {import("../lib/router.js").PageMaker} */
export async function topic(context) {
    const [name] = context.names;
    const tab = context.query.get("tab") ?? "events";
    const description = await get(`/v1/topics/${part(name)}`, {}, { signal: context.signal });
    const summary = h("span");
    const rates = new Rates();
    const update = context.every(2000, async () => {
        const now = await get(`/v1/topics/${part(name)}`, {}, { signal: context.signal });
        rates.note([now], ["published"]);
        fill(summary, h("span", { title: isCompacted(now) && COMPACTED }, storedText(now)),
            ` kept, ${bytes(size(now))}, ${rate(rates.of(name, "published"))} published`);
    });
    const bodies = { events, partitions, consumers, settings };
    const [body] = await Promise.all([(bodies[tab] ?? events)(context, name, description), update]);
    const link = (/** @type {string} */ label, /** @type {string} */ key) =>
        /** @type {[string, string, boolean]} */ ([label, topicPath(name) + queryText({ tab: key === "events" ? null : key }), key === tab]);
    return {
        title: name,
        element: page({
            title: name, crumbs: [["Topics", "/ui/topics"]],
            badges: [
                badge(counted(description.partitions, "partition")),
                badge(description.durability),
                description.cleanup !== "delete" && badge(description.cleanup),
            ],
            about: summary,
            actions: [
                button("Publish", () => publishDialog({ topic: name, done: () => context.again() }), { kind: "main" }),
                linkButton("Live", `/ui/live${queryText({ topic: name })}`),
                button("Purge…", () => purge(context, name, description), { kind: "danger" }),
                button("Delete…", () => drop(context, name, description), { kind: "danger" }),
            ],
        },
        tabs(
            "Parts of the topic",
            [
                link("Events", "events"),
                link("Partitions", "partitions"),
                link("Consumers and rules", "consumers"),
                link("Settings", "settings"),
            ],
        ),
        body),
    };
}

/** @param {import("../lib/router.js").Context} context @param {string} name @param {any} description */
async function events(context, name, description) {
    const isWide = description.partitions > MERGED;
    const chosen = context.query.get("partition") ?? (isWide ? "0" : "");
    let filter = context.query.get("filter") ?? "";
    let peek = new Peek(name, []);
    /** @type {any[]} */
    let shown = [];
    const note = h("span.small.faint");
    const table = new Table({
        label: `Events of ${name}, newest first`, columns: eventColumns(), key: eventKey, href: eventPath,
        empty: () => stored(description) === 0
            ? empty("This topic has no events.", h("p", {},
                "Publish one, here or in a terminal. Looking at events here never consumes them.",
            ),
                codeLine(atThisServer(`apus publish ${name} '{"id": 1}'`)), button(
                    "Publish an event",
                    () => publishDialog({ topic: name, done: () => context.again() }),
                ))
            : empty("No event of the newest that were looked at contains this."),
    }).withKeys(context.signal, context.go);
    const older = button("Older events", () => more());
    const more = async () => {
        older.disabled = true;
        const text = filter.toLowerCase();
        shown = [...shown, ...await peek.older(PAGE, (one) => contains(one, text))];
        table.set(shown);
        older.disabled = false;
        older.hidden = peek.isAtEnd;
        fill(note, shown.length > 0 && `${number(shown.length)} shown, newest first`);
    };
    const begin = async () => {
        const now = await get(`/v1/topics/${part(name)}`, {}, { signal: context.signal });
        peek = new Peek(name, now.positions.filter((/** @type {any} */ one) => chosen === "" || String(one.partition) === chosen));
        shown = [];
        await more();
    };
    await begin();
    const partition = h("select.input", {
        "aria-label": "Partition",
        onchange: () => context.go(topicPath(name) + queryText({ partition: partition.value, filter })),
    }, !isWide && h("option", { value: "" }, "All partitions"),
    Array.from({ length: description.partitions }, (_, index) => h("option", { value: String(index) }, `Partition ${index}`)));
    partition.value = chosen;
    return [
        panel(null, { flush: true },
            h("div.panel-head", {}, h("div.toolbar", {},
                searchField("Show only what contains", filter, (text) => {
                    filter = text;
                    context.setQuery({ filter: text });
                    begin();
                }), description.partitions > 1 && partition, note), button("Look again", begin, { compact: true })),
            table.element, h("div.panel-body", {}, older)),
        sameInShell(commandLine("get", name, ["--partition", chosen || null], ["--from", "1h"])),
    ];
}

/** @param {import("../lib/router.js").Context} _ @param {string} name @param {any} description */
async function partitions(_, name, description) {
    const table = new Table({
        label: `Partitions of ${name}`, key: (one) => String(one.partition), href: (one) => topicPath(name) + queryText({ partition: one.partition }),
        columns: [
            {
                label: "Partition",
                kind: "name",
                cell: (one) => h("a", { href: topicPath(name) + queryText({ partition: one.partition }) }, one.partition),
            },
            { label: "First offset", kind: "end", cell: (one) => number(one.start) },
            { label: "Next offset", kind: "end", cell: (one) => number(one.end) },
            { label: "Events", kind: "end", cell: (one) => storedCell(description, one.end - one.start) },
            { label: "Size", kind: "end", cell: (one) => bytes(one.bytes) },
        ],
        empty: () => empty("There are none."),
    });
    table.set(description.positions);
    return [panel(null, { flush: true }, table.element), sameInShell(commandLine("topic", "show", name))];
}

/** @param {import("../lib/router.js").Context} context @param {string} name */
async function consumers(context, name) {
    const more = h("div");
    const subscriptions = new Table({
        label: `Subscriptions of ${name}`, key: (one) => one.name, href: (one) => subscriptionPath(one.name),
        columns: [
            { label: "Subscription", kind: "name", cell: (one) => h("a", { href: subscriptionPath(one.name) }, one.name) },
            { label: "State", kind: "tight", cell: (one) => stateBadge(one) },
            { label: "Waiting", kind: "end", cell: (one) => number(one.backlog) },
            { label: "In flight", kind: "end", cell: (one) => number(one.in_flight) },
            { label: "Oldest", kind: "end", cell: (one) => age(one.oldest_unsettled) },
        ],
        empty: () => empty("Nobody has subscribed to this topic.",
            h("p", {},
                "A shared subscription hands out each event until it is acknowledged, by pull or to a webhook; a cursor keeps a position.",
            ),
            codeLine(atThisServer(`apus subscription create billing --topic ${name} --from earliest`))),
    }).withKeys(context.signal, context.go);
    const rules = new Table({
        label: `Rules of ${name}`, key: (one) => one.name, href: (one) => `/ui/rules/${encodeURIComponent(one.name)}`,
        columns: [
            { label: "Rule", kind: "name", cell: (one) => h("a", { href: `/ui/rules/${encodeURIComponent(one.name)}` }, one.name) },
            { label: "Pattern", kind: "clip", cell: (one) => h("code", {}, JSON.stringify(one.pattern)) },
            { label: "Matches", kind: "end", cell: (one) => number(one.matches) },
        ],
        empty: () => empty("No rule works on this topic.", h("p", {},
            "A rule copies events that match a pattern to other topics and to webhooks.",
        ),
            linkButton("Make a rule", `/ui/rules/new${queryText({ topic: name })}`)),
    });
    await context.every(2000, async () => {
        const [found, made] = await Promise.all([
            get(
                "/v1/subscriptions",
                { topic: name, limit: MANY },
                { signal: context.signal },
            ), get("/v1/rules", { topic: name, limit: MANY }, { signal: context.signal })]);
        subscriptions.set(found.subscriptions);
        rules.set(made.rules);
        fill(more, found.next && h("p.small.faint", {}, `The first ${number(MANY)}; there are more under `,
            h("a", { href: "/ui/subscriptions" }, "Subscriptions"), "."));
    });
    return [panel("Subscriptions", { flush: true }, subscriptions.element, more), panel("Rules", { flush: true }, rules.element)];
}

/** @param {import("../lib/router.js").Context} _ @param {string} name @param {any} description */
async function settings(_, name, description) {
    const { positions, published, ...rest } = description;
    return [
        panel("How it is set", {}, facts([
            ["Kept for", description.retention.age ?? "ever"],
            ["Kept per partition", description.retention.bytes === null ? "no limit" : bytes(description.retention.bytes)],
            ["Durability", h("code", {}, description.durability)],
            ["Cleanup", description.cleanup],
            ["Handed out for", description.ttl ?? "ever"],
            ["Duplicates", description.deduplication ? `told within ${description.deduplication.window}` : "stored as often as they come"],
            ["Largest batch", bytes(description.max_batch_bytes)],
            ["Segments", `${bytes(description.segment_bytes)}, closed after ${description.segment_age}`],
            ["Created", moment(description.created)],
            ["Identity", h("code", {}, description.id)],
        ])),
        panel("As JSON", {}, codeBlock(JSON.stringify(rest, null, 2))),
        sameInShell(commandLine("topic", "set", name, ["--retention", description.retention.age ?? "never"])),
    ];
}

/** @param {import("../lib/router.js").Context} context @param {string} name @param {any} description */
function purge(context, name, description) {
    confirmByTyping({
        title: `Purge ${name}`, word: name, label: "Forget all events", line: commandLine("topic", "purge", name, "--yes"),
        body: [
            h("p", {}, isCompacted(description) && "At most ", counted(stored(description), "event"),
                " will be gone for good, those too that subscriptions have not settled."),
            h("p.soft", {}, "The topic, its settings, subscriptions and rules stay; offsets go on from where they are."),
        ],
        act: async () => {
            await post(`/v1/topics/${part(name)}/purge`);
            toast(`${name} is empty.`);
            context.again();
        },
    });
}

/** @param {import("../lib/router.js").Context} context @param {string} name @param {any} description */
function drop(context, name, description) {
    confirmByTyping({
        title: `Delete ${name}`, word: name, label: "Delete the topic", line: commandLine("topic", "delete", name, "--cascade", "--yes"),
        body: [
            h("p", {},
                "The topic and its ", isCompacted(description) ? `events (${storedText(description)})` : storedText(description),
                " will be gone for good, and so will the subscriptions, rules and schedules that use it.",
            ),
            h("p.soft", {}, "A topic made later under this name is another one."),
        ],
        act: async () => {
            await remove(`/v1/topics/${part(name)}?cascade=true`);
            toast(`${name} is deleted.`);
            context.go("/ui/topics");
        },
    });
}
