// SPDX-License-Identifier: Apache-2.0

// Consumer groups of Kafka's clients: who is in them, and how far behind they are. While nobody is in one, it can be moved and forgotten.

import { h, fill } from "../lib/dom.js";
import { get, part, queryText, remove } from "../lib/api.js";
import { counted, number } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, page, panel } from "../components/parts.js";
import { codeLine, sameInShell } from "../components/code.js";
import { confirmByTyping } from "../components/dialog.js";
import { PagedList } from "../components/pager.js";
import { resetGroupDialog } from "../components/reposition.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { topicPath } from "./topics.js";

/** @param {string} name */
const groupPath = (name) => `/ui/groups/${encodeURIComponent(name)}`;

/** @param {string} state */
const stateBadge = (state) => badge(state, state === "Stable" ? "good" : state === "Empty" ? undefined : "warn");

/** @type {import("../lib/router.js").PageMaker} */
export async function groups(context) {
    const { listeners } = await get("/v1/status", {}, { signal: context.signal });
    const kafka = listeners.find((/** @type {any} */ one) => one.service === "kafka")?.address;
    const table = new Table({
        label: "Consumer groups", key: (one) => one.name, href: (one) => groupPath(one.name),
        columns: [
            { label: "Name", kind: "name", cell: (one) => h("a", { href: groupPath(one.name) }, one.name) },
            { label: "State", kind: "tight", cell: (one) => stateBadge(one.state) },
            { label: "Protocol", kind: "tight spare", cell: (one) => one.kind },
            { label: "Members", kind: "end", cell: (one) => number(Array.isArray(one.members) ? one.members.length : one.members) },
            { label: "Topics", kind: "clip spare", cell: (one) => one.topics.join(", ") },
            { label: "Lag", kind: "end", cell: (one) => number(one.lag) },
        ],
        empty: () => empty("No Kafka client has joined a group.", h("p", {}, "Groups are made by the clients that join them:"),
            kafka && codeLine(`kcat -b ${kafka} -G billing orders`)),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, { path: "/v1/groups", member: "groups", label: "Search groups", table });
    await context.every(2000, () => list.load());
    return {
        title: "Consumer groups",
        element: page({
            title: "Consumer groups",
            about: "Groups of Kafka's clients. Shared subscriptions and cursors are under Subscriptions.",
        },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element), sameInShell(commandLine("group", "list"))),
    };
}

/** @type {import("../lib/router.js").PageMaker} */
export async function group(context) {
    const [name] = context.names;
    const summary = h("span");
    const members = new Table({
        label: `Members of ${name}`, key: (one) => one.id,
        columns: [
            { label: "Member", kind: "name", cell: (one) => one.instance ?? one.id },
            { label: "Client", kind: "clip", cell: (one) => h("a", { href: `/ui/clients${queryText({ search: one.client })}` }, one.client) },
            { label: "From", kind: "tight spare", cell: (one) => one.host },
            { label: "Has", kind: "wide", cell: (one) => counted(one.partitions.length, "partition") },
        ],
        empty: () => empty("The group has positions, and nobody is in it."),
    });
    const positions = new Table({
        label: `Positions of ${name}`, key: (one) => `${one.topic}/${one.partition}`,
        columns: [
            { label: "Topic", kind: "name", cell: (one) => h("a", { href: topicPath(one.topic) }, one.topic) },
            { label: "Partition", kind: "end", cell: (one) => one.partition },
            { label: "Committed", kind: "end", cell: (one) => (one.committed === null ? "–" : number(one.committed)) },
            { label: "End", kind: "end", cell: (one) => number(one.end) },
            { label: "Lag", kind: "end", cell: (one) => (one.lag === null ? "–" : number(one.lag)) },
            { label: "Member", kind: "clip spare", cell: (one) => one.member ?? h("span.faint", {}, "nobody") },
        ],
        empty: () => empty("Nothing is committed."),
    });
    const look = async () => {
        const now = await get(`/v1/groups/${part(name)}`, {}, { signal: context.signal });
        fill(summary, stateBadge(now.state), " ", now.kind, `, ${counted(now.lag, "event")} behind`);
        members.set(now.members);
        positions.set(now.positions);
        return now;
    };
    await context.every(2000, look);
    const { kind } = await look();
    return {
        title: name,
        element: page({
            title: name, crumbs: [["Consumer groups", "/ui/groups"]], about: summary,
            // The positions of a share group are those of its subscriptions.
            actions: kind === "share" ? [] : [
                button("Reset…", () => resetGroupDialog(name, look)),
                button("Delete…", () => forget(context, name), { kind: "danger" }),
            ],
        },
            panel("Members", { flush: true }, members.element), panel("Positions", { flush: true }, positions.element),
            sameInShell(commandLine("group", "describe", name))),
    };
}

/** @param {import("../lib/router.js").Context} context @param {string} name */
function forget(context, name) {
    confirmByTyping({
        title: `Delete ${name}`, word: name, label: "Forget the group", line: commandLine("group", "delete", name, "--yes"),
        body: h("p", {}, "Its positions are forgotten for good: its consumers begin where their settings say. It must have no members."),
        act: async () => {
            await remove(`/v1/groups/${part(name)}`);
            toast(`${name} is forgotten.`);
            context.go("/ui/groups");
        },
    });
}
