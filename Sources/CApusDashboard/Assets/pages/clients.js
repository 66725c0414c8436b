// SPDX-License-Identifier: Apache-2.0

// Who is connected: one row for a connection, over HTTP and Kafka's protocol, with what it works with. What it asks for last moves while one looks.

import { h } from "../lib/dom.js";
import { part, remove } from "../lib/api.js";
import { age, bytes, counted, moment, number } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, page, panel } from "../components/parts.js";
import { sameInShell } from "../components/code.js";
import { openDialog } from "../components/dialog.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { topicPath } from "./topics.js";

/** @param {any} one */
const protocol = (one) => badge(one.service === "kafka" ? "Kafka" : "HTTP", one.service === "kafka" ? "info" : undefined);

/** What it says that it is. @param {any} one */
const name = (one) => [
    one.client ? h("span", { title: one.client }, one.client) : h("span.faint", {}, "says no name"),
    one.software && h("div.small.faint", {}, one.software),
    one.user && h("div.small.faint", {}, `as ${one.user}`),
];

/** What it works with. @param {any} one */
function works(one) {
    const parts = [
        ...one.topics.slice(0, 4).map((/** @type {string} */ topic) => h("a", { href: topicPath(topic) }, topic)),
        one.topics.length > 4 && `and ${number(one.topics.length - 4)} more`,
        ...one.groups.slice(0, 4).map((/** @type {string} */ group) =>
            h("span", {}, "group ", h("a", { href: `/ui/groups/${encodeURIComponent(group)}` }, group))),
    ].filter(Boolean);
    if (parts.length === 0) return h("span.faint", {}, "–");
    return parts.flatMap((one, index) => (index ? [", ", one] : [one]));
}

/** What it does, or did last. @param {any} one */
const last = (one) => [
    one.last_request ? h("code", { title: one.last_request }, one.last_request) : h("span.faint", {}, "nothing yet"),
    h("div.small.faint", {}, one.under_way > 0
        ? `${counted(one.under_way, "request")} under way` : `${age(one.last)} ago`),
];

/** How much it has asked for, and how much went which way. @param {any} one */
const traffic = (one) => [number(one.requests), h("div.small.faint", {}, `${bytes(one.bytes_received)} in, ${bytes(one.bytes_sent)} out`)];

/** @param {any} one @param {() => void} again */
function disconnect(one, again) {
    openDialog({
        title: `Disconnect ${one.client ?? one.address}`, label: "Disconnect", kind: "destroy",
        line: () => commandLine("client", "disconnect", one.id),
        body: h("p", {}, `The connection from ${one.address} is closed. What it has no answer to is not answered; `,
            "most clients connect again by themselves."),
        act: async () => {
            await remove(`/v1/clients/${part(one.id)}`);
            toast(`${one.id} is disconnected.`);
            again();
        },
    });
}

/** @type {import("../lib/router.js").PageMaker} */
export async function clients(context) {
    const table = new Table({
        label: "Clients", key: (one) => one.id,
        columns: [
            { label: "Protocol", kind: "tight", cell: protocol },
            { label: "From", kind: "tight name", cell: (one) => one.address },
            { label: "Client", kind: "brief", cell: name },
            { label: "Works with", kind: "wide", cell: works },
            { label: "Last request", kind: "brief spare", cell: last },
            { label: "Since", kind: "end", cell: (one) => h("span", { title: moment(one.since) }, age(one.since)) },
            { label: "Requests", kind: "end", cell: traffic },
            {
                label: "", kind: "end", cell: (one) => button("Disconnect…", () => disconnect(one, () => list.load()),
                    { compact: true, kind: "quiet", label: `Disconnect ${one.id}` }),
            },
        ],
        empty: () => (list.search ? empty(`“${list.search}” is in no address, name, topic or group.`) : empty("Nobody is connected.")),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/clients", member: "clients", label: "Search clients", table, name: (row) => row.id,
    });
    await context.every(2000, () => list.load());
    return {
        title: "Clients",
        element: page({
            title: "Clients",
            about: "Connections that are open now, over HTTP and Kafka's protocol; this page's own are among them.",
        },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element), sameInShell(commandLine("client", "list"))),
    };
}
