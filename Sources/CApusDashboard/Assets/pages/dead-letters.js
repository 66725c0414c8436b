// SPDX-License-Identifier: Apache-2.0

// Events that were given up, by who gave them up and why: a thousand failures with one cause are one row, and are sent back by one button
// once the cause is mended.

import { h, fill } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { counted, moment, number } from "../lib/format.js";
import { jsonText, parseJSON } from "../lib/json-text.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, field, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { confirmByTyping, openDialog } from "../components/dialog.js";
import { eventPath, glance } from "../components/event-list.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { rulePath } from "./rules.js";
import { subscriptionPath } from "./subscriptions.js";

/** How many letters are looked at; of more, the oldest. */
const LOOKED = 200_000;
/** How many letters of a group are shown. */
const SHOWN = 50;

/** Since when letters are looked at, as the API and the command take it. */
const SINCE = [["", "whenever"], ["10m", "in the last ten minutes"], ["1h", "in the last hour"], ["24h", "in the last day"]];

/**
 * @typedef {{ key: string, who: string, subscription: string | null, rule: string | null, feed: string | null, cause: string, count: number,
 *     first: string, last: string, sample: any }} Group
 */

/** @type {import("../lib/router.js").PageMaker} */
export async function deadLetters(context) {
    const filter = {
        subscription: context.query.get("subscription"), rule: context.query.get("rule"), topic: context.query.get("topic"),
        since: context.query.get("since"),
    };
    const chosen = context.query.get("group");
    const { groups, count, isAll } = await gather(filter, context.signal);
    const group = groups.find((one) => one.key === chosen) ?? (groups.length === 1 ? groups[0] : undefined);
    const shown = group && await get("/v1/dead-letters", { ...selectionOf(group, filter), limit: SHOWN }, { signal: context.signal });
    const again = () => context.again();
    const isFiltered = Object.values(filter).some(Boolean);
    const since = h("select.input", {
        "aria-label": "Given up", onchange: () => {
            context.setQuery({ since: since.value || null });
            again();
        },
    }, SINCE.map(([value, label]) => h("option", { value, selected: value === (filter.since ?? "") }, label)));
    const everything = { who: "all of them", count: isAll ? count : null, selection: pruned(filter), options: optionsOf(filter) };
    return {
        title: "Dead letters",
        element: page({
            title: "Dead letters",
            badges: [count > 0 && badge(isAll ? number(count) : `${number(count)} and more`, "bad"),
                isFiltered && badge(
                    Object.values(filter).filter(Boolean).join(", "),
                    "info",
                ), isFiltered && h("a.small", { href: "/ui/dead-letters" }, "show all")],
            about: "Events that could not be delivered. They wait here, whole, until somebody sends them back or discards them.",
            actions: count > 0 ? [
                button("Redrive all…", () => redrive(everything, again), { kind: "main" }),
                button("Discard all…", () => discard(everything, again), { kind: "danger" }),
            ] : [],
        },
        count === 0
            ? panel(null, {}, nothing(isFiltered))
            : [
                panel("By who gave up, and why", { flush: true, aside: h("div.toolbar", {}, since) }, groupTable(context, groups, filter).element),
                group && panel(
                    chosen ? [group.who, ": ", group.cause] : "One by one",
                    { flush: true, aside: howMany(group) },
                    letterTable(shown.dead_letters, again).element,
                ),
            ],
        sameInShell(commandLine("dead-letter",
            ...(group && chosen ? ["list", ...choiceOf(group, filter).options] : ["causes", ...optionsOf(filter)])))),
    };
}

/** @param {Group} group */
const howMany = ({ count }) => count > SHOWN && h("span.small.faint", {}, `the first ${SHOWN} of ${number(count)}`);

/** @param {boolean} isFiltered */
const nothing = (isFiltered) => empty(isFiltered ? "Nothing was given up here." : "Nothing was given up.",
    h("p", {}, "When an event has used up its attempts, or a consumer rejects it, ",
        "it is copied with the reason to a dead-letter topic and shows up here. ",
        "To see one, reject an event:"),
    codeLine(atThisServer("apus receive billing")),
    codeLine(atThisServer("apus subscription reject billing LEASE --reason 'no such customer'")));

/** Goes through the letters by cause, in as many steps as that takes. @param {Record<string, string | null>} filter @param {AbortSignal} signal */
async function gather(filter, signal) {
    /** @type {Map<string, Group>} */
    const groups = new Map();
    let [count, after] = [0, null];
    do {
        const answer = await get("/v1/dead-letters/causes", { ...filter, after }, { signal });
        count += answer.looked;
        for (const one of answer.causes) {
            const who = one.subscription ?? (one.feed ? `feed ${one.feed}` : `rule ${one.rule}`);
            const key = `${who}: ${one.cause}`;
            const known = groups.get(key);
            const isLater = !known || one.last >= known.last;
            groups.set(key, {
                ...one, key, who, count: one.count + (known?.count ?? 0),
                first: known && known.first < one.first ? known.first : one.first,
                last: isLater ? one.last : known.last, sample: isLater ? one.sample : known.sample,
            });
        }
        after = answer.next;
    } while (after && count < LOOKED);
    return { groups: [...groups.values()].sort((left, right) => right.count - left.count), count, isAll: !after };
}

/** The page of who gave up. @param {Group} group */
const giverPath = ({ subscription, rule }) => (subscription ? subscriptionPath(subscription) : rulePath(rule ?? ""));

/** @param {import("../lib/router.js").Context} context @param {Group[]} groups @param {Record<string, string | null>} filter */
function groupTable(context, groups, filter) {
    const path = (/** @type {Group} */ group) => `/ui/dead-letters?${new URLSearchParams({ ...pruned(filter), group: group.key })}`;
    const again = () => context.again();
    const table = new Table({
        label: "Dead letters by who gave up, and why", key: (group) => group.key, href: path,
        columns: [
            {
                label: "Given up by",
                kind: "name",
                cell: (group) => (group.subscription || group.rule ? h("a", { href: giverPath(group) }, group.who) : group.who),
            },
            { label: "Reason", kind: "wide", cell: (group) => h("a", { href: path(group) }, group.cause) },
            { label: "Count", kind: "end", cell: (group) => number(group.count) },
            { label: "First", kind: "tight spare", cell: (group) => moment(group.first, false) },
            { label: "Last", kind: "tight", cell: (group) => moment(group.last, false) },
            { label: "Sample", kind: "clip spare", cell: (group) => h("code", {}, group.sample.event.type) },
            {
                label: "", kind: "end", cell: (group) => h("div.actions", {},
                    button("Redrive…", () => redrive(choiceOf(group, filter), again), { compact: true, label: `Redrive ${group.key}` }),
                    button(
                        "Discard…",
                        () => discard(choiceOf(group, filter), again),
                        { compact: true, kind: "quiet", label: `Discard ${group.key}` },
                    )),
            },
        ],
        empty: () => empty("There are none."),
    }).withKeys(context.signal, context.go);
    table.set(groups);
    return table;
}

/** @param {any[]} letters @param {() => void} again */
function letterTable(letters, again) {
    const table = new Table({
        label: "Dead letters", key: (letter) => letter.id,
        columns: [
            { label: "Given up", kind: "tight", cell: (letter) => moment(letter.last, false) },
            {
                label: "Event",
                kind: "clip name",
                cell: (letter) => (letter.origin ? h("a", { href: eventPath(letter.origin) }, letter.event.type) : letter.event.type),
            },
            { label: "Attempts", kind: "end", cell: (letter) => number(letter.attempts) },
            { label: "Reason", kind: "wide", cell: (letter) => letter.reason },
            { label: "Data", kind: "clip spare", cell: (letter) => h("code", {}, glance(letter.event)) },
            {
                label: "", kind: "end", cell: (letter) => h("div.actions", {},
                    button("Redrive", () => redrive(oneOf(letter), again), { compact: true, label: `Redrive ${letter.id}` }),
                    button("Edit…", () => edit(letter, again), { compact: true, kind: "quiet", label: `Edit and redrive ${letter.id}` }),
                    button(
                        "Discard…",
                        () => discard(oneOf(letter), again),
                        { compact: true, kind: "quiet", label: `Discard ${letter.id}` },
                    )),
            },
        ],
        empty: () => empty("There are none."),
    });
    table.set(letters);
    return table;
}

// What is meant, for the API and for the command

/** @typedef {{ who: string, count: number | null, selection: Record<string, any>, options: any[] }} Choice */

/** @param {Record<string, string | null>} filter */
const pruned = (filter) => /** @type {Record<string, string>} */ (Object.fromEntries(Object.entries(filter).filter(([, value]) => value)));

/** @param {Record<string, string | null>} filter */
const optionsOf = (filter) => Object.entries(filter).map(([name, value]) => [`--${name}`, value]);

/** What the API is told so that it means this group. @param {Group} group @param {Record<string, string | null>} filter */
const selectionOf = ({ subscription, rule, feed, cause }, filter) => pruned({ ...filter, subscription, rule, feed, cause });

/** @param {Group} group @param {Record<string, string | null>} filter @returns {Choice} */
function choiceOf(group, filter) {
    const selection = selectionOf(group, filter);
    return { who: counted(group.count, "dead letter"), count: group.count, selection, options: optionsOf(selection) };
}

/** @param {any} letter @returns {Choice} */
const oneOf = (letter) => ({ who: "this dead letter", count: 1, selection: { ids: [letter.id] }, options: [["--id", letter.id]] });

/** Asks the server first what it would do. @param {Choice} choice @param {() => void} again */
function redrive({ who, selection, options }, again) {
    const verdict = h("p", { data: { dryrun: "true" }, "aria-live": "polite" }, "Asking the server what it would do…");
    let matched = 0;
    const dialog = openDialog({
        title: `Redrive ${who}`, label: "Redrive", isReady: () => matched > 0,
        body: [
            verdict,
            h("p.soft", {}, "They go back to the subscription, rule or feed that gave them up, and to nobody else; attempts begin anew."),
        ],
        line: () => commandLine("dead-letter", "redrive", ...(options.some(([, value]) => value) ? options : ["--all"])),
        act: async () => {
            const { redriven } = await post("/v1/dead-letters/redrive", selection);
            toast(`${counted(redriven, "dead letter")} redriven.`);
            again();
        },
    });
    post("/v1/dead-letters/redrive", { ...selection, dry_run: true }).then((answer) => {
        matched = answer.matched;
        fill(verdict, h("strong", {}, `${counted(matched, "dead letter")} would be redriven.`));
        dialog.refresh();
    }, (error) => fill(verdict, error.message));
}

/** @param {Choice} choice @param {() => void} again */
function discard({ who, count, selection, options }, again) {
    const reason = h("input.input", { spellcheck: "true", autocomplete: "off" });
    confirmByTyping({
        title: `Discard ${who}`, word: "discard", label: "Discard for good",
        line: () => commandLine("dead-letter", "discard", ...(options.some(([, value]) => value) ? options : ["--all"]),
            ["--reason", reason.value.trim() || null], "--yes"),
        body: [
            h("p", {}, count === null ? "They are forgotten for good." : `${counted(count, "dead letter")} will be forgotten for good.`),
            field("Reason", reason, "if you like: their journeys keep it"),
        ],
        act: async () => {
            const because = reason.value.trim() ? { reason: reason.value.trim() } : {};
            const { discarded } = await post("/v1/dead-letters/discard", { ...selection, ...because });
            toast(`${counted(discarded, "dead letter")} discarded.`);
            again();
        },
    });
}

/** @param {any} letter @param {() => void} again */
function edit(letter, again) {
    const text = h("textarea.input", { rows: 14, spellcheck: "false" });
    text.value = jsonText(letter.event);
    const parsed = () => {
        try {
            return parseJSON(text.value);
        } catch {
            return null;
        }
    };
    openDialog({
        title: "Edit and redrive", label: "Redrive the edited event", isReady: () => {
            text.setAttribute("aria-invalid", String(parsed() === null));
            return parsed() !== null;
        },
        body: field("Event (CloudEvents JSON)", text, "Source and id must stay: by them a consumer knows what it has done."),
        line: () => commandLine("dead-letter", "redrive", ["--id", letter.id], ["--edit", "event.json"]),
        act: async () => {
            await post("/v1/dead-letters/redrive", { ids: [letter.id], event: parsed() });
            toast("Redriven as edited.");
            again();
        },
    });
}
