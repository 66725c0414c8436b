// SPDX-License-Identifier: Apache-2.0

// All topics, page by page: ten thousand of them are as quick as ten.

import { h } from "../lib/dom.js";
import { create, part } from "../lib/api.js";
import { age, bytes, counted, number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, field, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { openDialog } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";

/** @param {string} name */
export const topicPath = (name) => `/ui/topics/${encodeURIComponent(name)}`;

/** Offsets that are kept, each with an event or none. @param {any} topic */
export const stored = (topic) => topic.positions.reduce(
    (/** @type {number} */ sum, /** @type {any} */ one) => sum + one.end - one.start,
    0,
);

/** Whether there may be fewer events than offsets: compaction takes events out from between others. @param {any} topic */
export const isCompacted = (topic) => topic.cleanup !== "delete";

/** Why a number of events is no more than a bound. */
export const COMPACTED = "Offsets that are kept. Compaction leaves the latest event of each key, so there may be fewer events.";

/** Events kept, such as `5 events` or `at most 5 events`. @param {any} topic @param {number} [count] */
export const storedText = (topic, count = stored(topic)) => `${isCompacted(topic) ? "at most " : ""}${counted(count, "event")}`;

/** The same as a figure in a table. @param {any} topic @param {number} [count] */
export const storedCell = (topic, count = stored(topic)) =>
    (isCompacted(topic) && count > 0 ? h("span", { title: COMPACTED }, "≤ ", number(count)) : number(count));

/** Bytes kept. @param {any} topic */
export const size = (topic) => topic.positions.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.bytes, 0);

/** @type {import("../lib/router.js").PageMaker} */
export async function topics(context) {
    const rates = new Rates();
    const table = new Table({
        label: "Topics", key: (topic) => topic.name, href: (topic) => topicPath(topic.name),
        columns: [
            {
                label: "Name",
                kind: "name",
                cell: (topic) => [
                    h("a", { href: topicPath(topic.name) }, topic.name),
                    topic.name.endsWith(".dead-letter") && [" ", badge("dead letters")],
                ],
            },
            { label: "Published", kind: "end", cell: (topic) => rate(rates.of(topic.name, "published")) },
            { label: "Events kept", kind: "end", cell: (topic) => storedCell(topic) },
            { label: "Size", kind: "end", cell: (topic) => bytes(size(topic)) },
            { label: "Subscriptions", kind: "end spare", cell: (topic) => number(topic.readers.subscriptions) },
            {
                label: "Furthest behind",
                kind: "end spare",
                cell: (topic) => (topic.readers.subscriptions ? number(topic.readers.backlog) : "–"),
            },
            { label: "Oldest", kind: "end", cell: (topic) => age(topic.readers.oldest_unsettled) },
            { label: "Partitions", kind: "end spare", cell: (topic) => number(topic.partitions) },
            { label: "Kept for", kind: "tight spare", cell: (topic) => topic.retention.age ?? "ever" },
            { label: "Durability", kind: "tight spare", cell: (topic) => h("code", {}, topic.durability) },
        ],
        empty: () => list.search
            ? empty(`No topic has “${list.search}” in its name.`)
            : empty("There are no topics yet.",
                h("p", {}, "A topic is a durable, ordered sequence of events with a name. ",
                    "Make one here or in a terminal; ", h("code", {}, "apus dev"), " makes it with the first event that is published to it."),
                codeLine(atThisServer("apus topic create orders --partitions 4")), button("Create a topic", ask, { kind: "main" })),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/topics", member: "topics", label: "Search topics", query: { readers: "true" }, table,
        note: (rows) => rates.note(rows, ["published"]),
    });
    const ask = () => createTopic((name) => context.go(topicPath(name)));
    await context.every(2000, () => list.load());
    return {
        title: "Topics",
        element: page({ title: "Topics", actions: [button("Create a topic", ask, { kind: "main" })] },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("topic", "list"))),
    };
}

/** @param {(name: string) => void} done */
function createTopic(done) {
    const name = h("input.input", { spellcheck: "false", placeholder: "orders", autocomplete: "off" });
    const partitions = h("input.input", { type: "number", min: 1, max: 10000, value: "1" });
    const retention = h("input.input", { value: "7d", spellcheck: "false" });
    const durability = h("input.input", { value: "flush", spellcheck: "false" });
    openDialog({
        title: "Create a topic", label: "Create", isReady: () => name.value.trim() !== "" && Number(partitions.value) > 0,
        body: [
            field("Name", name, "Letters, digits, dots, dashes and underscores."),
            h("div.fields", {}, field("Partitions", partitions, "Can grow, never shrink."), field(
                "Kept for",
                retention,
                "Such as 12h or 7d; empty: for ever.",
            ),
                field("Durability", durability, "flush, none, or an interval such as 100ms.")),
        ],
        line: () => commandLine("topic", "create", name.value || "NAME", ["--partitions", partitions.value], [
            "--retention",
            retention.value || "never",
        ],
            ["--durability", durability.value]),
        act: async () => {
            await create(`/v1/topics/${part(name.value.trim())}`, {
                partitions: Number(partitions.value), durability: durability.value.trim(), retention: { age: retention.value.trim() || null },
            }, `topic ${name.value.trim()}`);
            toast(`Topic ${name.value.trim()} is there.`);
            done(name.value.trim());
        },
    });
}
