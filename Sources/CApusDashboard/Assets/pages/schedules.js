// SPDX-License-Identifier: Apache-2.0

// What is published later: recurring schedules, and single events that wait for their time.

import { h } from "../lib/dom.js";
import { get, part, remove } from "../lib/api.js";
import { moment, number } from "../lib/format.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { confirmByTyping } from "../components/dialog.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { topicPath } from "./topics.js";

/** @type {import("../lib/router.js").PageMaker} */
export async function schedules(context) {
    const recurring = new Table({
        label: "Recurring schedules", key: (one) => one.name,
        columns: [
            { label: "Name", kind: "name", cell: (one) => one.name },
            { label: "State", kind: "tight", cell: (one) => (one.enabled === false ? badge("off", "warn") : badge("on", "good")) },
            {
                label: "When",
                kind: "tight",
                cell: (one) => [h("code", {}, one.schedule), h("span.faint", {}, ` ${one.time_zone ?? "UTC"}`)],
            },
            { label: "Topic", kind: "clip", cell: (one) => h("a", { href: topicPath(one.topic) }, one.topic) },
            { label: "Type", kind: "clip spare", cell: (one) => one.event.type ?? "apus.schedule" },
            { label: "Next", kind: "tight", cell: (one) => (one.next ? moment(one.next, false) : "never again") },
            { label: "Fired", kind: "end spare", cell: (one) => number(one.fired) },
        ],
        empty: () => empty("Nothing recurs.", h("p", {},
            "A schedule publishes an event every so often, with time zones and through restarts.",
        ),
            codeLine(atThisServer("apus schedule set report '0 9 * * mon-fri' --topic reports --time-zone Europe/Berlin --type report.due"))),
    });
    const delayed = new Table({
        label: "Events that wait for their time", key: (one) => one.id,
        columns: [
            { label: "Due", kind: "tight name", cell: (one) => moment(one.due, false) },
            { label: "Topic", kind: "clip", cell: (one) => h("a", { href: topicPath(one.topic) }, one.topic) },
            { label: "Type", kind: "clip", cell: (one) => one.event.type },
            { label: "Key", kind: "clip spare", cell: (one) => one.key ?? "–" },
            {
                label: "",
                kind: "end",
                cell: (one) => button("Cancel…", () => cancel(context, one), { compact: true, kind: "quiet", label: `Cancel ${one.id}` }),
            },
        ],
        empty: () => empty("No event waits for its time.", codeLine(atThisServer("apus publish orders '{\"id\": 3}' --delay 10m"))),
    });
    const list = new PagedList(context, {
        path: "/v1/schedules", member: "schedules", label: "Search schedules", table: recurring, isSearched: false,
    });
    await context.every(3000, async () => {
        const [, waiting] = await Promise.all([list.load(), get("/v1/delayed", { limit: 100 }, { signal: context.signal })]);
        delayed.set(waiting.delayed);
    });
    return {
        title: "Schedules",
        element: page({ title: "Schedules", about: "What is published later, once or again and again." },
            panel("Recurring", { flush: true, aside: list.toolbar }, recurring.element),
            panel("Waiting, the next 100", { flush: true }, delayed.element),
            sameInShell(commandLine("delayed", "list"))),
    };
}

/** @param {import("../lib/router.js").Context} context @param {any} one */
function cancel(context, one) {
    confirmByTyping({
        title: "Cancel an event that waits", word: "cancel", label: "Cancel it", line: commandLine("delayed", "cancel", one.id),
        body: h("p", {}, `${one.event.type}, due ${moment(one.due, false)} in ${one.topic}, will never be published.`),
        act: async () => {
            await remove(`/v1/delayed/${part(one.id)}`);
            toast("Cancelled.");
            context.again();
        },
    });
}
