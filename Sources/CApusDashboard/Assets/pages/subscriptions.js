// SPDX-License-Identifier: Apache-2.0

// All subscriptions, page by page, with what tells a stuck one from one that is well.

import { h } from "../lib/dom.js";
import { age, number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, empty, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { topicPath } from "./topics.js";

/** @param {string} name */
export const subscriptionPath = (name) => `/ui/subscriptions/${encodeURIComponent(name)}`;

/** Whether its target is left alone, or most attempts of the last minute failed. @param {any} one */
export const isFailing = (one) => one.state === "failing";

/** How a subscription is, in the server's word. @param {any} one */
export function stateBadge(one) {
    const tones = /** @type {Record<string, any>} */ ({
        paused: "warn", no_consent: "bad", complete: "info", failing: "bad", slow: "bad", retrying: "warn",
    });
    const why = one.state === "no_consent" ? one.handshake?.reason : one.state === "slow" ? `since ${one.slow_since}` : one.last_failure;
    const isWell = one.state === "ok" || one.state === "complete" || one.state === "paused";
    return badge(one.state.replace("_", " "), tones[one.state] ?? "good", isWell ? undefined : why);
}

/** @param {any} one */
export const kindOf = (one) => (one.push ? (one.push.url ? "push" : "bridge") : one.kind);

/** Of deliveries, how many were repeats or failed. @param {any} one */
export function redelivery(one) {
    return one.delivered > 0 ? `${((100 * one.failed) / one.delivered).toFixed(one.failed ? 1 : 0)} %` : "–";
}

/** @type {import("../lib/router.js").PageMaker} */
export async function subscriptions(context) {
    const rates = new Rates();
    const table = new Table({
        label: "Subscriptions", key: (one) => one.name, href: (one) => subscriptionPath(one.name),
        columns: [
            { label: "Name", kind: "name", cell: (one) => h("a", { href: subscriptionPath(one.name) }, one.name) },
            { label: "State", kind: "tight", cell: stateBadge },
            { label: "Topic", kind: "clip", cell: (one) => h("a", { href: topicPath(one.topic) }, one.topic) },
            { label: "Kind", kind: "tight spare", cell: kindOf },
            { label: "Waiting", kind: "end", cell: (one) => number(one.backlog) },
            { label: "In flight", kind: "end spare", cell: (one) => number(one.in_flight) },
            { label: "Retrying", kind: "end spare", cell: (one) => number(one.waiting) },
            { label: "Oldest", kind: "end", cell: (one) => age(one.oldest_unsettled) },
            { label: "Delivered", kind: "end spare", cell: (one) => rate(rates.of(one.name, "delivered")) },
            { label: "Acknowledged", kind: "end spare", cell: (one) => rate(rates.of(one.name, "acknowledged")) },
            { label: "Failed", kind: "end spare", cell: redelivery },
        ],
        empty: () => list.search
            ? empty(`No subscription has “${list.search}” in its name.`)
            : empty("There are no subscriptions yet.",
                h("p", {}, "A subscription is a durable reader of a topic. The shared kind hands out each event until somebody acknowledges it, ",
                    "with retries and dead letters; with a URL, Apus delivers by itself. A cursor keeps one position per partition."),
                codeLine(atThisServer("apus subscription create billing --topic orders --from earliest")),
                codeLine(atThisServer("apus subscription create hooks --topic orders --push https://example.org/hook"))),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/subscriptions", member: "subscriptions", label: "Search subscriptions", table,
        note: (rows) => rates.note(rows, ["delivered", "acknowledged"]),
    });
    await context.every(2000, () => list.load());
    return {
        title: "Subscriptions",
        element: page({ title: "Subscriptions" }, panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("subscription", "list"))),
    };
}
