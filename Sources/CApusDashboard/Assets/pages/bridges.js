// SPDX-License-Identifier: Apache-2.0

// Outside brokers: connections to them, and feeds that bring their events in.

import { h } from "../lib/dom.js";
import { get, part, post } from "../lib/api.js";
import { moment, number } from "../lib/format.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, page, panel } from "../components/parts.js";
import { codeLine } from "../components/code.js";
import { openDialog } from "../components/dialog.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";
import { topicPath } from "./topics.js";

const TONES = /** @type {Record<string, any>} */ ({
    connected: "good",
    running: "good",
    failing: "bad",
    blocked: "bad",
    waiting: "warn",
    paused: "warn",
    connecting: "info",
});

/** @type {import("../lib/router.js").PageMaker} */
export async function bridges(context) {
    const connections = new Table({
        label: "Connections", key: (one) => one.name,
        columns: [
            { label: "Name", kind: "name", cell: (one) => one.name },
            { label: "State", kind: "tight", cell: (one) => badge(one.state, TONES[one.state]) },
            { label: "Address", kind: "wide", cell: (one) => h("code", {}, one.url) },
            { label: "Since", kind: "tight spare", cell: (one) => moment(one.since, false) },
            { label: "Failure", kind: "wide spare", cell: (one) => one.failure ?? "" },
        ],
        empty: () => empty("There are no connections to outside brokers.",
            h("p", {},
                "With one, rules deliver to RabbitMQ, Amazon SNS and SQS, EventBridge, Kafka or another Apus, and feeds bring events in from them.",
            ),
            codeLine(atThisServer("apus connection set rabbit 'amqp://apus:{secret:rabbit}@rabbit.example/shop'"))),
    });
    const feeds = new Table({
        label: "Feeds", key: (one) => `${one.name} ${one.paused}`,
        columns: [
            { label: "Name", kind: "name", cell: (one) => one.name },
            { label: "State", kind: "tight", cell: (one) => badge(one.state, TONES[one.state], one.last_failure) },
            { label: "From", kind: "clip", cell: (one) => `${one.connection}: ${one.queue ?? `${one.from} (${one.group})`}` },
            { label: "Into", kind: "clip", cell: (one) => h("a", { href: topicPath(one.into) }, one.into) },
            { label: "Published", kind: "end", cell: (one) => number(one.published) },
            { label: "Duplicates", kind: "end spare", cell: (one) => number(one.duplicates) },
            { label: "Refused", kind: "end spare", cell: (one) => number(one.refused) },
            { label: "Lag", kind: "end spare", cell: (one) => one.lag ?? "–" },
            {
                label: "",
                kind: "end",
                cell: (one) => button(
                    one.paused ? "Go on…" : "Pause…",
                    () => pausing(one, look),
                    { compact: true, label: `${one.paused ? "Go on with" : "Pause"} ${one.name}` },
                ),
            },
        ],
        empty: () => empty("No feed brings events in.",
            codeLine(atThisServer("apus feed set orders --connection rabbit --from orders --into orders"))),
    });
    const look = async () => {
        // More than that a server does not have.
        const [made, fed] = await Promise.all([
            get("/v1/connections", { limit: 1000 }, { signal: context.signal }),
            get("/v1/feeds", { limit: 1000 }, { signal: context.signal })]);
        connections.set(made.connections);
        feeds.set(fed.feeds);
    };
    await context.every(3000, look);
    return {
        title: "Bridges",
        element: page({ title: "Bridges", about: "Outside brokers: events go out by rules and subscriptions, and come in by feeds." },
            panel("Connections", { flush: true }, connections.element), panel("Feeds", { flush: true }, feeds.element)),
    };
}

/** @param {any} feed @param {() => Promise<void>} done */
function pausing(feed, done) {
    const verb = feed.paused ? "resume" : "pause";
    openDialog({
        title: feed.paused ? `Go on with ${feed.name}` : `Pause ${feed.name}`, label: feed.paused ? "Go on" : "Pause",
        body: h("p", {},
            feed.paused
                ? "It takes events again from where it stopped."
                : "It takes nothing until it is told to go on; its place at the source stays.",
        ),
        line: () => commandLine("feed", verb, feed.name),
        act: async () => {
            await post(`/v1/feeds/${part(feed.name)}/${verb}`);
            toast(feed.paused ? `${feed.name} goes on.` : `${feed.name} is paused.`);
            await done();
        },
    });
}
