// SPDX-License-Identifier: Apache-2.0

// One subscription: how it is and why, where it stands, and what can be done: stop, go on, hand out again, move.

import { h, append, fill } from "../lib/dom.js";
import { get, part, post, queryText, remove } from "../lib/api.js";
import { age, counted, duration, moment, number, rate, seconds, waits } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, facts, linkButton, page, panel, Tile } from "../components/parts.js";
import { codeBlock, sameInShell } from "../components/code.js";
import { attemptsPanel } from "../components/attempts.js";
import { causesOf } from "../components/causes.js";
import { confirmByTyping } from "../components/dialog.js";
import { Table } from "../components/table.js";
import { signing, testDialog } from "../components/receiver.js";
import { retryDialog } from "../components/retry.js";
import { attempt, toast } from "../components/toast.js";
import { moveDialog, replayDialog } from "../components/reposition.js";
import { kindOf, redelivery, stateBadge } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** @type {import("../lib/router.js").PageMaker} */
export async function subscription(context) {
    const [name] = context.names;
    const tiles = {
        backlog: new Tile("Waiting"), oldest: new Tile("Oldest unsettled"), flight: new Tile("In flight"),
        flow: new Tile("Arriving"),
        delivered: new Tile("Delivered since start"),
    };
    const state = h("span");
    const trouble = h("div.stack");
    const hold = h("span");
    const retry = h("span");
    const signed = h("span");
    const positions = new Table({
        label: `Positions of ${name}`, key: (one) => String(one.partition),
        columns: [
            { label: "Partition", kind: "name", cell: (one) => one.partition },
            { label: "Settled before", kind: "end", cell: (one) => number(one.cursor) },
            { label: "Looked at before", kind: "end", cell: (one) => number(one.next) },
            { label: "End", kind: "end", cell: (one) => number(one.end) },
            { label: "Behind", kind: "end", cell: (one) => number(one.end - one.cursor) },
        ],
        empty: () => empty("It follows no partition."),
    });
    /** @type {any} */
    let now = null;
    const look = async () => {
        now = await get(`/v1/subscriptions/${part(name)}`, {}, { signal: context.signal });
        fill(state, stateBadge(now));
        // Anew only when it changes: who is at the button stays there.
        if (hold.dataset.paused !== String(now.paused)) fill(hold, now.paused
            ? button("Go on", () => pausing("resume", `${name} hands out again.`),
                { kind: "main", title: commandLine("subscription", "resume", name) })
            : button("Pause", () => pausing("pause", `${name} hands out nothing until it is told to go on.`),
                { title: commandLine("subscription", "pause", name) }));
        hold.dataset.paused = String(now.paused);
        retry.hidden = now.waiting === 0 && now.circuit?.state !== "open";
        if (now.push?.url && signed.dataset.secrets !== String(now.push.secrets)) fill(signed, signing(now, lookAgain));
        signed.dataset.secrets = String(now.push?.secrets);
        showTiles(tiles, now);
        positions.set(now.positions);
    };
    const explain = async () => {
        fill(trouble, causesOf(await get(`/v1/subscriptions/${part(name)}/explanation`, {}, { signal: context.signal })));
    };
    // What has gone wrong was said, and the connection says whether the server is there.
    const lookAgain = () => look().then(explain).catch(() => {});
    append(retry, button("Retry now…", () => retryDialog(name, lookAgain), { title: commandLine("subscription", "retry", name) }));
    const pausing = (/** @type {string} */ verb, /** @type {string} */ done) =>
        attempt(() => post(`/v1/subscriptions/${part(name)}/${verb}`), done).then(lookAgain);
    await context.every(2000, look);
    await context.every(5000, explain);
    const isShared = now.kind === "shared";
    const attempts = isShared && await attemptsPanel({ subscription: name }, context);
    return {
        title: name,
        element: page({
            title: name, crumbs: [["Subscriptions", "/ui/subscriptions"]], badges: [state, badge(kindOf(now))],
            about: h("span", {}, "reads ", h("a", { href: topicPath(now.topic) }, now.topic),
                now.rule && [", for rule ", h("a", { href: `/ui/rules/${encodeURIComponent(now.rule)}` }, now.rule)]),
            actions: [
                isShared && retry,
                hold,
                now.push && button("Test…", () => testDialog(now), { title: commandLine("subscription", "test", name) }),
                isShared && button("Replay…", () => replayDialog(now, look)),
                button("Reset…", () => moveDialog(now, look)),
                linkButton("Dead letters", `/ui/dead-letters${queryText({ subscription: name })}`),
                !now.rule && button("Delete…", () => drop(context, now), { kind: "danger" }),
            ],
        },
        trouble,
        h("div.tiles", {}, Object.values(tiles).map((tile) => tile.element)),
        h("div.columns", {}, panel("Positions", { flush: true }, positions.element), panel("How it is set", {}, facts(settingsOf(now, signed)))),
        attempts,
        now.pattern && panel("Pattern", {}, codeBlock(JSON.stringify(now.pattern, null, 2))),
        h("p.small.faint", {}, "Beside all others: ", h("a", { href: `/ui/bottlenecks${queryText({ search: name })}` }, "bottlenecks"), "."),
        sameInShell(commandLine("explain", name))),
    };
}

/** @param {Record<string, Tile>} tiles @param {any} now */
function showTiles(tiles, now) {
    const load = now.rates;
    const left = now.backlog === 0 ? "nothing waits"
        : load?.drain ? `done in ${duration(seconds(load.drain))} at these rates` : !load ? "neither settled nor in flight"
            : now.state === "unread" ? "nobody asks for them"
                : load.dead_lettered["1m"] > load.service["1m"] ? "most is given up" : "does not become less";
    tiles.backlog.set([number(now.backlog), ""], left);
    tiles.oldest.set(now.oldest_unsettled ? /** @type {any} */ (age(now.oldest_unsettled).split(" ")) : ["none", ""],
        now.oldest_unsettled ? moment(now.oldest_unsettled, false) : "everything is settled");
    const busy = load === null || load.utilisation === null ? "" : `; ${Math.round(100 * load.utilisation)} % busy`;
    tiles.flight.set([number(now.in_flight), ""], `${waits(now.waiting)} for a retry${busy}`, now.waiting ? "warn" : undefined);
    const [done, lost] = load ? [load.service["1m"], load.dead_lettered["1m"]] : [0, 0];
    tiles.flow.set(
        load ? [rate(load.arrival["1m"]).replace("/s", ""), "/s"] : ["–", "/s"],
        load ? `${rate(done)} done, ${rate(load.failed["1m"])} fail, ${lost > 0 ? `${rate(lost)} given up, ` : ""}over the last minute`
            : "known in a few seconds",
        lost > done ? "bad" : load && load.arrival["1m"] > 1.05 * (done + lost) + 0.1 ? "warn" : undefined,
    );
    tiles.delivered.set([number(now.delivered), ""], `${redelivery(now)} failed, ${number(now.dead_lettered)} given up`);
}

/** From when on its consumers count as slow. @param {any} alarm */
const slowText = ({ age: limit, backlog }) =>
    [limit && `after ${limit}`, backlog && `from ${number(backlog)} waiting`].filter(Boolean).join(", or ") || "never";

/** @param {any} now @param {Node} signed @returns {[any, any][]} */
function settingsOf(now, signed) {
    const waits = now.retry.schedule?.length ? `after ${now.retry.schedule.join(", ")}` : `waits from ${now.retry.initial} up to ${now.retry.max}`;
    const target = now.push && (now.push.url ?? `${now.push.connection}/${now.push.topic}`);
    return [
        ...(target ? [/** @type {[any, any]} */ (["Delivers to", h("code", {}, target)])] : []),
        ...(now.push?.url ? [/** @type {[any, any]} */ (["Signed with", signed])] : []),
        ["Lease", now.lease],
        ["In flight at most", number(now.max_in_flight)],
        ["Attempts", `${now.max_attempts}, ${waits}`],
        ["Dead letters", h("a", { href: topicPath(now.dead_letter) }, now.dead_letter)],
        ["Order", now.ordering ? `by ${now.ordering.by}, ${now.ordering.on_dead_letter} on a dead letter` : "none"],
        ["Fairness", now.fairness ? `by ${now.fairness.by}` : "none"],
        ["Priority", now.priority ?? "none"],
        ["Counts as slow", slowText(now.alarm)],
        ["Started from", now.start],
        ["Created", moment(now.created)],
    ];
}

/** @param {import("../lib/router.js").Context} context @param {any} now */
function drop(context, now) {
    confirmByTyping({
        title: `Delete ${now.name}`, word: now.name, label: "Delete the subscription", line: commandLine(
            "subscription",
            "delete",
            now.name,
            "--yes",
        ),
        body: h("p", {},
            `It forgets what it has settled; ${counted(now.backlog, "event")} will not be delivered by it. The events stay in ${now.topic}.`,
        ),
        act: async () => {
            await remove(`/v1/subscriptions/${part(now.name)}`);
            toast(`${now.name} is deleted.`);
            context.go("/ui/subscriptions");
        },
    });
}

