// SPDX-License-Identifier: Apache-2.0

// Events of all topics as they arrive, newest first. What arrives is gathered and shown a few times a second; the page keeps the last 500.

import { h, fill } from "../lib/dom.js";
import { queryText } from "../lib/api.js";
import { follow } from "../lib/stream.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { number } from "../lib/format.js";
import { pageKeys } from "../lib/keys.js";
import { badge, button, empty, errorNotice, page, panel, searchField } from "../components/parts.js";
import { sameInShell, codeLine } from "../components/code.js";
import { contains, eventColumns, eventKey, eventPath } from "../components/event-list.js";
import { publishDialog } from "../components/publish.js";
import { Table } from "../components/table.js";

const KEPT = 500;
const SHOWN = 100;

/** @type {Record<import("../lib/stream.js").StreamState, [string, import("../components/parts.js").Tone]>} */
const STATES = { live: ["live", "good"], lost: ["reconnecting", "warn"], token: ["token wanted", "bad"], refused: ["refused", "bad"] };

/** @type {import("../lib/router.js").PageMaker} */
export function live(context) {
    const topic = context.query.get("topic") ?? "";
    let filter = (context.query.get("filter") ?? "").toLowerCase();
    let isPaused = false;
    let count = 0;
    /** @type {any[]} */
    let kept = [];
    let isStale = true;
    const state = h("span");
    const counter = h("span.small.faint");
    const problem = h("div");
    const table = new Table({
        label: "Events as they arrive", columns: eventColumns({ withTopic: true, withDate: false }), key: eventKey, href: eventPath,
        empty: () => empty("Nothing has arrived since this page was opened.",
            h("p", {},
                "Whatever is published to ",
                topic ? h("code", {}, topic) : "any topic",
                " appears here. Try it in a terminal, or from this page:",
            ),
            codeLine(atThisServer(`apus publish ${topic && !topic.includes("*") ? topic : "orders"} '{"id": 1}'`)),
            button("Publish a sample", () => publishDialog({ topic: topic && !topic.includes("*") ? topic : "orders" }))),
    }).withKeys(context.signal, context.go);
    const show = () => {
        if (!isStale) return;
        isStale = false;
        const found = kept.filter((one) => contains(one, filter));
        table.set(found.slice(0, SHOWN));
        fill(counter, `${number(count)} arrived`, filter && `, ${number(found.length)} of the last ${number(kept.length)} shown`);
    };
    const pauseButton = button("Pause", () => {
        isPaused = !isPaused;
        fill(pauseButton, isPaused ? "Go on" : "Pause");
        pauseButton.setAttribute("aria-pressed", String(isPaused));
    });
    pageKeys([{ keys: "p", about: "Pause, or go on", act: () => pauseButton.click() }], context.signal);
    follow(`/v1/tail${queryText({ topic })}`, {
        signal: context.signal,
        state: (now, why) => {
            fill(state, badge(...STATES[now]));
            if (why && "status" in why) fill(problem, errorNotice(why));
        },
        receive: ({ event, data }) => {
            if (event !== "event") return;
            count += 1;
            if (isPaused) return;
            kept.unshift(data);
            if (kept.length > KEPT) kept.length = KEPT;
            isStale = true;
        },
    });
    show();
    const timer = setInterval(() => !isPaused && show(), 250);
    context.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    const topicInput = h("input.input", {
        value: topic, placeholder: "All topics, or a pattern: orders*", "aria-label": "Topic or pattern", spellcheck: "false",
        onchange: () => context.go(`/ui/live${queryText({ topic: topicInput.value.trim(), filter })}`),
    });
    return {
        title: "Live",
        element: page({ title: "Live", badges: [state], about: "Events of all topics as they arrive.", actions: [pauseButton] },
            problem,
            panel(null, { flush: true },
                h("div.panel-head", {}, h("div.toolbar", {}, topicInput,
                    searchField("Show only what contains", context.query.get("filter") ?? "", (text) => {
                        filter = text.toLowerCase();
                        context.setQuery({ filter: text });
                        isStale = true;
                        show();
                    }), counter)),
                table.element),
            sameInShell(commandLine("tail", topic || null))),
    };
}
