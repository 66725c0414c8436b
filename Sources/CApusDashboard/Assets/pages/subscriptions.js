// SPDX-License-Identifier: Apache-2.0

// All subscriptions, page by page, with what tells a stuck one from one that is well; and a new one.

import { h } from "../lib/dom.js";
import { create, part } from "../lib/api.js";
import { age, number, rate } from "../lib/format.js";
import { parseJSON } from "../lib/json-text.js";
import { Rates } from "../lib/rates.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, field, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { openDialog } from "../components/dialog.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { topicPath } from "./topics.js";

/** @param {string} name */
export const subscriptionPath = (name) => `/ui/subscriptions/${encodeURIComponent(name)}`;

/** Whether its target is left alone, or most attempts of the last minute failed. @param {any} one */
export const isFailing = (one) => one.state === "failing";

/** How a subscription is, in the server's word. @param {any} one */
export function stateBadge(one) {
    const tones = /** @type {Record<string, any>} */ ({
        paused: "warn", no_consent: "bad", complete: "info", failing: "bad", slow: "bad", retrying: "warn",
        unread: one.slow_since ? "bad" : "warn",
    });
    const why = one.state === "no_consent" ? one.handshake?.reason : one.state === "slow" ? `since ${one.slow_since}`
        : one.state === "unread" ? "nobody asks for the events that wait" : one.last_failure;
    const isWell = one.state === "ok" || one.state === "complete" || one.state === "paused";
    return badge(one.state.replace("_", " "), tones[one.state] ?? "good", isWell ? undefined : why);
}

/** @param {any} one */
export const kindOf = (one) => (one.push ? (one.push.url ? "push" : "bridge") : one.kind);

/** Of deliveries, how many came to nothing: failed, refused or rejected for good, or never answered. @param {any} one */
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
        element: page({
            title: "Subscriptions",
            actions: [button("Create a subscription", () => createSubscription((name) => context.go(subscriptionPath(name))), { kind: "main" })],
        }, panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("subscription", "list"))),
    };
}

/** @param {(name: string) => void} done */
function createSubscription(done) {
    const name = h("input.input", { spellcheck: "false", placeholder: "billing", autocomplete: "off" });
    const topic = h("input.input", { spellcheck: "false", placeholder: "orders", autocomplete: "off" });
    const start = h("input.input", { value: "latest", spellcheck: "false", autocomplete: "off" });
    const url = h("input.input", { type: "url", spellcheck: "false", placeholder: "https://example.org/hook", autocomplete: "off" });
    const pattern = h("textarea.input", { rows: 3, spellcheck: "false", placeholder: '{"type": ["order.placed"]}' });
    const kind = h("select.input", {}, [["shared", "shared: leases, retries, dead letters"], ["cursor", "cursor: a position per partition"]]
        .map(([value, label]) => h("option", { value }, label)));
    const wanted = () => {
        try {
            pattern.removeAttribute("aria-invalid");
            return pattern.value.trim() ? parseJSON(pattern.value) : null;
        } catch {
            pattern.setAttribute("aria-invalid", "true");
            return undefined;
        }
    };
    const texts = () => [name, topic, start, url].map((input) => input.value.trim());
    openDialog({
        title: "Create a subscription", label: "Create",
        isReady: () => name.value.trim() !== "" && topic.value.trim() !== "" && start.value.trim() !== "" && wanted() !== undefined,
        body: [
            h("div.fields", {}, field("Name", name), field("Topic", topic),
                field("From", start, "earliest, latest, a time, or how long ago, such as 1h.")),
            field("Kind", kind),
            field("Deliver to", url, "An address to which the server delivers by itself; empty: consumers ask for events."),
            field("Pattern", pattern, "Which events, as JSON; empty: all of the topic."),
        ],
        line: () => commandLine("subscription", "create", texts()[0] || "NAME", ["--topic", texts()[1] || "TOPIC"], ["--from", texts()[2]],
            ["--kind", kind.value === "shared" ? null : kind.value], ["--push", texts()[3] || null],
            ["--pattern", wanted() ? JSON.stringify(wanted()) : null]),
        act: async () => {
            const [called, of, from, address] = texts();
            await create(`/v1/subscriptions/${part(called)}`, {
                topic: of, start: from, kind: kind.value,
                ...(address ? { push: { url: address } } : {}), ...(wanted() ? { pattern: wanted() } : {}),
            }, `subscription ${called}`);
            toast(`Subscription ${called} is there.`);
            done(called);
        },
    });
}
