// SPDX-License-Identifier: Apache-2.0

// Moving a subscription or a consumer group, and handing out part of a topic once more: all show what will come again, or be passed over, before
// anything happens.

import { h, fill } from "../lib/dom.js";
import { get, part, post, Problem } from "../lib/api.js";
import { counted, number } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { errorNotice, field } from "./parts.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";
import { Table } from "./table.js";

const GRAMMAR = "earliest, latest, an offset, a time, or how long ago, such as 1h";

/** Tells after a pause in typing what positions would mean. @param {() => Promise<Element>} tell @returns {[Element, () => void]} */
function preview(tell) {
    const place = h("div", { "aria-live": "polite" });
    let [timer, asked] = [0, 0];
    const refresh = () => {
        clearTimeout(timer);
        asked += 1;
        const mine = asked;
        timer = setTimeout(async () => {
            const told = await tell().catch((error) => errorNotice(error));
            if (mine === asked) fill(place, told);
        }, 200);
    };
    return [place, refresh];
}

/** How many partitions a preview shows. */
const SHOWN = 20;

/** What changes in each partition. @param {any[]} columns */
const changes = (columns) => new Table({
    label: "What changes", key: (one) => `${one.topic}/${one.partition}`, empty: () => h("p", {}, "Nothing changes."),
    columns: [
        ...columns,
        { label: "Come again", kind: "end", cell: (one) => number(one.again) },
        { label: "Passed over", kind: "end", cell: (one) => number(one.skipped) },
    ],
});

/** @param {number} again @param {number} skipped */
const verdict = (again, skipped) => h("p", {}, h("strong", {}, again + skipped === 0 ? "Nothing changes: it stands there already."
    : [
        again && `${counted(again, "event")} will come again`,
        skipped && `${counted(skipped, "event")} will be passed over`,
    ].filter(Boolean).join("; ")));

/** @param {any} now a subscription @param {() => void} done */
export function moveDialog(now, done) {
    const from = h("input.input", { value: "1h", spellcheck: "false" });
    const [place, refresh] = preview(async () => {
        // How it stands while somebody thinks about it.
        const { positions: rows } = await get(`/v1/subscriptions/${part(now.name)}/replay`, { from: from.value.trim() });
        const [again, skipped] = [sum(rows, "again"), sum(rows, "skipped")];
        const table = changes([
            { label: "Partition", cell: (one) => one.partition },
            { label: "Settled before", kind: "end", cell: (one) => number(one.cursor) },
            { label: "Then", kind: "end", cell: (one) => number(one.to) },
        ]);
        table.set(rows.slice(0, SHOWN));
        return h("div.stack", { data: { preview: "true" } }, verdict(again, skipped), table.element,
            now.pattern && h("p.small.faint", {}, "Of these it gets those that match its pattern."));
    });
    from.addEventListener("input", refresh);
    refresh();
    openDialog({
        title: `Move ${now.name}`, label: "Move it", isReady: () => from.value.trim() !== "",
        body: [field("To", from, GRAMMAR), place],
        line: () => commandLine("subscription", "replay", now.name, ["--from", from.value.trim()]),
        act: async () => {
            await post(`/v1/subscriptions/${part(now.name)}/replay`, { from: from.value.trim() });
            toast(`${now.name} goes on from ${from.value.trim()}.`);
            done();
        },
    });
}

/** @param {any} now a shared subscription @param {() => void} done */
export function replayDialog(now, done) {
    const from = h("input.input", { value: "1h", spellcheck: "false" });
    const to = h("input.input", { value: "latest", spellcheck: "false" });
    const [place, refresh] = preview(async () => {
        const { positions } = await get(
            `/v1/subscriptions/${part(now.name)}/replay`, { from: from.value.trim(), to: to.value.trim() });
        return h("p", { data: { preview: "true" } }, h("strong", {},
            `${counted(sum(positions, "again"), "event")} will be handed out once more`,
        ), now.pattern && ", as far as they match its pattern",
            ". What is new comes beside them, and its position stays.");
    });
    for (const input of [from, to]) input.addEventListener("input", refresh);
    refresh();
    openDialog({
        title: `Replay to ${now.name}`, label: "Replay", isReady: () => from.value.trim() !== "" && to.value.trim() !== "",
        body: [h("div.fields", {}, field("From", from, GRAMMAR), field("To", to)), place],
        line: () => commandLine("subscription", "replay", now.name, ["--from", from.value.trim()], ["--to", to.value.trim()]),
        act: async () => {
            try {
                await post(`/v1/subscriptions/${part(now.name)}/replay`, { from: from.value.trim(), to: to.value.trim() });
            } catch (error) {
                if (error instanceof Problem && error.status === 409) error.hint ??= "wait until the replay that is under way is done";
                throw error;
            }
            toast(`${now.name} replays.`);
            done();
        },
    });
}

/** @param {string} name a consumer group @param {() => void} done */
export function resetGroupDialog(name, done) {
    const to = h("input.input", { value: "1h", spellcheck: "false" });
    const topic = h("input.input", { value: "", spellcheck: "false", autocomplete: "off" });
    const choice = () => ({ to: to.value.trim(), ...(topic.value.trim() ? { topic: topic.value.trim() } : {}) });
    const ask = (/** @type {boolean} */ isDry) => post(`/v1/groups/${part(name)}/reset`, { ...choice(), dry_run: isDry });
    const [place, refresh] = preview(async () => {
        const { positions } = await ask(true);
        const table = changes([
            { label: "Topic", kind: "name", cell: (one) => one.topic },
            { label: "Partition", kind: "end", cell: (one) => one.partition },
            { label: "Committed", kind: "end", cell: (one) => (one.committed === null ? "–" : number(one.committed)) },
            { label: "Then", kind: "end", cell: (one) => number(one.to) },
        ]);
        table.set(positions.slice(0, SHOWN));
        return h("div.stack", { data: { preview: "true" } }, verdict(sum(positions, "again"), sum(positions, "skipped")), table.element);
    });
    for (const input of [to, topic]) input.addEventListener("input", refresh);
    refresh();
    openDialog({
        title: `Reset ${name}`, label: "Move its positions", isReady: () => to.value.trim() !== "",
        body: [
            h("div.fields", {}, field("To", to, GRAMMAR), field("Topic", topic, "all that it has positions in, if empty")), place,
            h("p.soft", {}, "Its consumers have to be stopped first: members go on from where they are."),
        ],
        line: () => commandLine("group", "reset", name, ["--topic", topic.value.trim() || null], ["--to", to.value.trim()]),
        act: async () => {
            await ask(false);
            toast(`${name} goes on from ${to.value.trim()}.`);
            done();
        },
    });
}

/** @param {any[]} rows @param {string} name */
const sum = (rows, name) => rows.reduce((total, one) => total + one[name], 0);
