// SPDX-License-Identifier: Apache-2.0

// All rules: what they match, where it goes, and which of them never match.

import { h } from "../lib/dom.js";
import { number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, empty, linkButton, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { topicPath } from "./topics.js";

/** @param {string} name */
export const rulePath = (name) => `/ui/rules/${encodeURIComponent(name)}`;

/** Where a target leads, in a word. @param {any} target */
export const targetName = (target) => target.topic ?? target.webhook?.url ?? `${target.bus?.connection}/${target.bus?.topic}`;

/** @type {import("../lib/router.js").PageMaker} */
export async function rules(context) {
    const rates = new Rates();
    const table = new Table({
        label: "Rules", key: (one) => one.name, href: (one) => rulePath(one.name),
        columns: [
            { label: "Name", kind: "name", cell: (one) => h("a", { href: rulePath(one.name) }, one.name) },
            { label: "State", kind: "tight", cell: (one) => (one.enabled ? badge("on", "good") : badge("off", "warn")) },
            { label: "Topic", kind: "clip", cell: (one) => h("a", { href: topicPath(one.topic) }, one.topic) },
            {
                label: "Pattern",
                kind: "clip spare",
                cell: (one) => h("code", { title: JSON.stringify(one.pattern) }, JSON.stringify(one.pattern)),
            },
            { label: "Targets", kind: "clip spare", cell: (one) => one.targets.map(targetName).join(", ") },
            {
                label: "Matches",
                kind: "end",
                cell: (one) => (one.matches === 0 ? h("span.faint", { title: "since the server started" },
                    "none yet",
                ) : number(one.matches)),
            },
            { label: "Rate", kind: "end", cell: (one) => rate(rates.of(one.name, "matches")) },
        ],
        empty: () => list.search
            ? empty(`No rule has “${list.search}” in its name.`)
            : empty("There are no rules yet.",
                h("p", {}, "A rule copies the events of a topic that match a pattern to other topics, to webhooks or to outside brokers, ",
                    "changed on the way if you like. Try one on events that are stored, before it does anything:"),
                codeLine(atThisServer("apus topic create vip")),
                codeLine(atThisServer(
                    "apus rule set vip --topic orders --pattern '{\"data\": {\"total\": [{\"numeric\": [\">\", 1000]}]}}' --to-topic vip")),
                linkButton("Make a rule", "/ui/rules/new", "main")),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/rules", member: "rules", label: "Search rules", table, note: (rows) => rates.note(rows, ["matches"]),
    });
    await context.every(2000, () => list.load());
    return {
        title: "Rules",
        element: page({ title: "Rules", actions: [linkButton("Make a rule", "/ui/rules/new", "main")] },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("rule", "list"))),
    };
}
