// SPDX-License-Identifier: Apache-2.0

// One subscription: how it is and why, where it stands, and what can be done: stop, go on, hand out again, move.

import { h, fill } from "../lib/dom.js";
import { get, part, post, queryText, remove } from "../lib/api.js";
import { age, counted, duration, moment, number, rate } from "../lib/format.js";
import { Rates } from "../lib/rates.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, facts, linkButton, notice, page, panel, Tile } from "../components/parts.js";
import { codeBlock, sameInShell } from "../components/code.js";
import { attemptsPanel } from "../components/attempts.js";
import { confirmByTyping } from "../components/dialog.js";
import { Table } from "../components/table.js";
import { attempt, toast } from "../components/toast.js";
import { moveDialog, replayDialog } from "../components/reposition.js";
import { isFailing, kindOf, redelivery, stateBadge } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** @type {import("../lib/router.js").PageMaker} */
export async function subscription(context) {
    const [name] = context.names;
    const rates = new Rates();
    const tiles = {
        backlog: new Tile("Waiting"), oldest: new Tile("Oldest unsettled"), flight: new Tile("In flight"),
        delivered: new Tile("Delivered since start"),
    };
    const state = h("span");
    const trouble = h("div.stack");
    const hold = h("span");
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
        rates.note([now], ["delivered", "acknowledged"]);
        fill(state, stateBadge(now));
        fill(trouble, troubleOf(now));
        fill(hold, now.paused
            ? button("Go on", () => pausing("resume", `${name} hands out again.`), { kind: "main" })
            : button("Pause", () => pausing("pause", `${name} hands out nothing until it is told to go on.`)));
        showTiles(tiles, now, rates);
        positions.set(now.positions);
    };
    const pausing = (/** @type {string} */ verb, /** @type {string} */ done) =>
        attempt(() => post(`/v1/subscriptions/${part(name)}/${verb}`), done).then(look);
    await context.every(2000, look);
    const isShared = now.kind === "shared";
    const attempts = isShared && await attemptsPanel(name, context);
    return {
        title: name,
        element: page({
            title: name, crumbs: [["Subscriptions", "/ui/subscriptions"]], badges: [state, badge(kindOf(now))],
            about: h("span", {}, "reads ", h("a", { href: topicPath(now.topic) }, now.topic),
                now.rule && [", for rule ", h("a", { href: `/ui/rules/${encodeURIComponent(now.rule)}` }, now.rule)]),
            actions: [
                hold,
                isShared && button("Replay…", () => replayDialog(now, look)),
                button("Reset…", () => moveDialog(now, look)),
                linkButton("Dead letters", `/ui/dead-letters${queryText({ subscription: name })}`),
                !now.rule && button("Delete…", () => drop(context, now), { kind: "danger" }),
            ],
        },
        trouble,
        h("div.tiles", {}, Object.values(tiles).map((tile) => tile.element)),
        h("div.columns", {}, panel("Positions", { flush: true }, positions.element), panel("How it is set", {}, facts(settingsOf(now)))),
        attempts,
        now.pattern && panel("Pattern", {}, codeBlock(JSON.stringify(now.pattern, null, 2))),
        sameInShell(commandLine("subscription", "show", name))),
    };
}

/** @param {Record<string, Tile>} tiles @param {any} now @param {Rates} rates */
function showTiles(tiles, now, rates) {
    const served = rates.of(now.name, "acknowledged");
    const left = now.backlog === 0 ? "nothing waits"
        : served ? `done in ${duration(now.backlog / served)} at ${rate(served)}` : "neither settled nor in flight";
    tiles.backlog.set([number(now.backlog), ""], left);
    tiles.oldest.set(now.oldest_unsettled ? /** @type {any} */ (age(now.oldest_unsettled).split(" ")) : ["none", ""],
        now.oldest_unsettled ? moment(now.oldest_unsettled, false) : "everything is settled");
    tiles.flight.set([number(now.in_flight), ""], `${counted(now.waiting, "event")} wait for a retry`, now.waiting ? "warn" : undefined);
    tiles.delivered.set([number(now.delivered), ""], `${redelivery(now)} failed, ${number(now.dead_lettered)} given up`);
}

/** What is the matter, if anything is. @param {any} now */
function troubleOf(now) {
    return [
        now.paused && notice("warn", "It is paused.", h("p.soft", {}, `${counted(now.backlog, "event")} wait until it goes on.`)),
        now.circuit && now.circuit.state !== "closed" && notice("bad",
            `Its target keeps failing (${now.circuit.failures} times in a row) and is left alone.`,
            h("p.soft", {}, `Since ${moment(now.circuit.open_since, false)}; `,
                `tried again ${moment(now.circuit.next_probe, false)}. `, now.last_failure)),
        now.handshake?.state === "withheld" && notice(
            "bad",
            "Its receiver does not consent to events.",
            h("p.soft", {}, now.handshake.reason),
        ),
        now.last_failure && now.circuit?.state !== "open" && (isFailing(now) || now.waiting > 0) && notice(
            isFailing(now) ? "bad" : "warn",
            isFailing(now) ? "Most attempts have failed since the server started." : "Attempts fail.",
            h("p.soft", {}, `The last one: ${now.last_failure}. ${counted(now.waiting, "event")} wait for another attempt, `,
                h("a", { href: `/ui/dead-letters${queryText({ subscription: now.name })}` }, `${number(now.dead_lettered)} were given up`), "."),
        ),
        now.blocked > 0 && notice("warn", `${counted(now.blocked, "key")} wait for somebody to deal with a dead letter.`),
        now.replaying > 0 && notice("info", `A replay is under way: at most ${counted(now.replaying, "event")} are left.`),
    ];
}

/** @param {any} now @returns {[any, any][]} */
function settingsOf(now) {
    const waits = now.retry.schedule?.length ? `after ${now.retry.schedule.join(", ")}` : `waits from ${now.retry.initial} up to ${now.retry.max}`;
    const target = now.push && (now.push.url ?? `${now.push.connection}/${now.push.topic}`);
    return [
        ...(target ? [/** @type {[any, any]} */ (["Delivers to", h("code", {}, target)])] : []),
        ["Lease", now.lease],
        ["In flight at most", number(now.max_in_flight)],
        ["Attempts", `${now.max_attempts}, ${waits}`],
        ["Dead letters", h("a", { href: topicPath(now.dead_letter) }, now.dead_letter)],
        ["Order", now.ordering ? `by ${now.ordering.by}, ${now.ordering.on_dead_letter} on a dead letter` : "none"],
        ["Fairness", now.fairness ? `by ${now.fairness.by}` : "none"],
        ["Priority", now.priority ?? "none"],
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

