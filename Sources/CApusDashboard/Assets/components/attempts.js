// SPDX-License-Identifier: Apache-2.0

// Attempts that failed, of one subscription or of all, the newest first, each with what was sent and what came back.

import { h, fill } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { moment, now } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, panel } from "./parts.js";
import { sameInShell } from "./code.js";
import { exchange, outcomeTone, placeLink, subscriptionLink, took } from "./journey.js";
import { retryButton } from "./retry.js";

/** @typedef {{ subscription?: string, status?: string, reason?: string, since?: string }} Filter */

/** @param {any} one @param {boolean} isNamed whether it says of which subscription it is @param {() => void} look */
function item(one, isNamed, look) {
    const place = one.place && `${one.place.topic}/${one.place.partition}/${one.place.offset}`;
    return h("li", { data: { tone: outcomeTone(one.outcome) } },
        h("div.timeline-head", {}, h("span.faint.small", {}, moment(one.time)), isNamed && subscriptionLink(one.subscription),
            badge(one.outcome, outcomeTone(one.outcome)),
            one.status !== null && h("strong", {}, String(one.status)), h("span", {}, took(one.microseconds)),
            h("span.small", {}, `attempt ${one.attempt} of ${one.max_attempts} with `,
                place ? placeLink(place) : "an event of a topic that is gone")),
        one.reason && h("p.small.soft", {}, one.reason),
        one.next && h("p.small.faint", {}, `Next attempt ${moment(one.next)} `,
            place && Date.parse(one.next) > now() && retryButton(one.subscription, place, look)),
        exchange(one));
}

/** What `apus trace` is told so that it shows the same. @param {Filter} filter */
const options = ({ subscription, status, reason, since }) => [
    subscription ? ["--subscription", subscription] : "--attempts",
    ["--status", status || null], ["--text", reason || null], ["--since", since || null],
];

/** @param {Filter} filter @param {import("../lib/router.js").Context} context */
export async function attemptsPanel(filter, context) {
    const list = h("ol.timeline", { "aria-label": "Attempts that failed, the newest first" });
    const more = h("div");
    const page = 20;
    let shown = "";
    let hasMore = false;
    const ask = (/** @type {number | undefined} */ before) =>
        get("/v1/attempts", { ...filter, failed: true, limit: page, before }, { signal: context.signal });
    const items = (/** @type {any[]} */ attempts) => attempts.map((one) => item(one, !filter.subscription, look));
    const offer = (/** @type {number | null} */ next) => fill(more, next !== null && button("Older", async () => {
        hasMore = true;
        const answer = await ask(next);
        list.append(...items(answer.attempts));
        offer(answer.next);
    }, { compact: true }));
    const look = async () => {
        // Who reads older ones is not to lose the place.
        if (hasMore) return;
        const answer = await ask(undefined);
        const text = JSON.stringify(answer);
        if (text === shown) return;
        shown = text;
        fill(list, items(answer.attempts));
        offer(answer.next);
        if (answer.attempts.length === 0 && answer.next === null) fill(more, empty("No attempt has failed, as far as it is noted."));
    };
    await context.every(5000, look);
    return panel("Failed attempts", { id: "attempts" }, list, more, sameInShell(commandLine("trace", .../** @type {any} */ (options(filter)))));
}
