// SPDX-License-Identifier: Apache-2.0

// One rule, and a bench to work on it: the pattern is tried while it is typed, on one event with an explanation of every condition, and on the last
// thousand real events of the topic. Nothing happens before it is saved.

import { h, fill } from "../lib/dom.js";
import { create, get, part, post, Problem, put, queryText, remove } from "../lib/api.js";
import { counted, moment, number } from "../lib/format.js";
import { jsonText, parseJSON } from "../lib/json-text.js";
import { Peek } from "../lib/peek.js";
import { commandLine, quoted } from "../lib/shell-quote.js";
import { badge, button, empty, errorNotice, field, notice, page, panel } from "../components/parts.js";
import { sameInShell } from "../components/code.js";
import { confirmByTyping } from "../components/dialog.js";
import { eventKey, eventPath, glance } from "../components/event-list.js";
import { Table } from "../components/table.js";
import { attempt, toast } from "../components/toast.js";
import { rulePath, targetName } from "./rules.js";
import { subscriptionPath } from "./subscriptions.js";
import { topicPath } from "./topics.js";

/** How many stored events a rule is tried on. */
const TRIED = 1000;
/** How many of those that match are shown. */
const SHOWN = 20;

const SAMPLE = { specversion: "1.0", id: "1", source: "/shop", type: "order.placed", data: { customer: "customer-7", total: 1290 } };
const NEW = {
    name: "",
    topic: "orders",
    pattern: { type: ["order.placed"], data: { total: [{ numeric: [">", 1000] }] } },
    targets: [{ topic: "vip" }],
    enabled: true,
};

/** @type {import("../lib/router.js").PageMaker} */
export async function rule(context) {
    const isNew = context.names[0] === "new";
    const stored = isNew ? { ...NEW, topic: context.query.get("topic") ?? NEW.topic } : await get(
        `/v1/rules/${part(context.names[0])}`,
        {},
        { signal: context.signal },
    );
    const inputs = {
        name: h("input.input", { value: stored.name, spellcheck: "false", placeholder: "vip", readonly: !isNew }),
        topic: h("input.input", { value: stored.topic, spellcheck: "false" }),
        pattern: jsonArea(stored.pattern, 7),
        targets: jsonArea(stored.targets, 6),
        event: jsonArea(SAMPLE, 9),
    };
    const [explanation, trial, shell] = [h("div.stack", { "aria-live": "polite" }), h("div.stack", { "aria-live": "polite" }), h("div")];
    const work = bench(inputs, stored.enabled, explanation, trial, shell, context.signal);
    const save = button(isNew ? "Make the rule" : "Save", () => attempt(async () => {
        const [name, wanted] = [inputs.name.value.trim(), { ...work.settings(), enabled: stored.enabled }];
        if (isNew) {
            await create(`/v1/rules/${part(name)}`, wanted, `rule ${name}`);
            context.go(rulePath(name));
            return;
        }
        await requireUnchanged(stored);
        await put(`/v1/rules/${part(name)}`, wanted);
        context.again();
    }, "Saved. Its first event is the next one that arrives."), { kind: "main" });
    const failures = isNew ? null : await get("/v1/dead-letters/causes", { rule: stored.name }, { signal: context.signal });
    const useNewest = button("Take the newest event", () => attempt(async () => {
        const { positions } = await get(`/v1/topics/${part(inputs.topic.value.trim())}`);
        const [newest] = await new Peek(inputs.topic.value.trim(), positions.slice(0, 16)).older(1);
        if (!newest) throw new Error("the topic has no events");
        inputs.event.value = jsonText(newest.event);
        work.refresh();
        return newest;
    }, (newest) => `Offset ${newest.offset} of partition ${newest.partition}.`), { compact: true });
    return {
        title: isNew ? "New rule" : stored.name,
        element: page({
            title: isNew ? "New rule" : stored.name, crumbs: [["Rules", "/ui/rules"]],
            badges: isNew ? [] : [
                stored.enabled ? badge("on", "good") : badge("off", "warn"),
                badge(`${counted(stored.matches, "match", "matches")} since start`),
            ],
            about: isNew ? "Try it on real events first; nothing happens before it is made." : whereabouts(stored),
            actions: isNew ? [save] : [save,
                button(stored.enabled ? "Switch off" : "Switch on", () => attempt(async () => {
                    await requireUnchanged(stored);
                    await put(
                        `/v1/rules/${part(stored.name)}`,
                        { topic: stored.topic, pattern: stored.pattern, targets: stored.targets, enabled: !stored.enabled },
                    );
                    context.again();
                }, stored.enabled ? "It is off." : "It is on, from the next event on."),
                { title: ruleLine(stored.name, { ...stored, enabled: !stored.enabled }) }),
                button("Delete…", () => drop(context, stored), { kind: "danger" })],
        },
        failures?.looked > 0 && failureNotice(stored.name, failures),
        h("div.columns", {},
            panel("The rule", {}, h("div.stack", {},
                h("div.fields", {}, field("Name", inputs.name), field("Topic", inputs.topic)),
                field("Pattern", inputs.pattern, "Which events: an object of attributes and data, each with a list of what is accepted."),
                field("Targets", inputs.targets, "Where they go: topics, webhooks, outside brokers."))),
            panel("On one event", { aside: useNewest }, h("div.stack", {}, field("Event (CloudEvents JSON)", inputs.event), explanation))),
        panel(`On the last ${number(TRIED)} events`, { aside: h("span.small.faint", {}, "nothing is delivered") }, trial),
        shell),
    };
}

/** Sees to it that nobody has changed the rule since the page was opened: their work would be undone without a word. @param {any} stored */
async function requireUnchanged(stored) {
    const now = await get(`/v1/rules/${part(stored.name)}`);
    const settings = (/** @type {any} */ { topic, pattern, targets, enabled }) => JSON.stringify([topic, pattern, targets, enabled]);
    if (settings(now) === settings(stored)) return;
    throw new Problem(409, {
        type: "conflict", detail: "somebody has changed this rule meanwhile",
        hint: "copy what you have typed, and reload the page to see how it is now",
    });
}

/** Events that it could not copy, and why the last one. @param {string} name @param {any} failures their causes */
function failureNotice(name, { causes, looked, next }) {
    const last = causes.reduce((/** @type {any} */ one, /** @type {any} */ other) => (other.last > one.last ? other : one));
    return notice("bad", `${counted(looked, "event")}${next ? " and more" : ""} could not be copied.`,
        h("p.soft", {}, "The last one ", moment(last.last), `: ${last.sample.reason}. `,
            h("a", { href: `/ui/dead-letters${queryText({ rule: name })}` }, "Look at them"), "."));
}

/** Its topic, and the subscriptions that deliver for it. @param {any} stored */
const whereabouts = ({ topic, subscriptions }) => h("span", {}, "of ", h("a", { href: topicPath(topic) }, topic),
    subscriptions.map((/** @type {string} */ one) => [" · delivers by ", h("a", { href: subscriptionPath(one) }, one)]));

/** @param {unknown} value @param {number} rows */
function jsonArea(value, rows) {
    const area = h("textarea.input", { rows, spellcheck: "false" });
    area.value = jsonText(value);
    return area;
}

/** @param {any} area @returns {any} undefined where it is no JSON, and the field says so */
function jsonOf(area) {
    try {
        const value = parseJSON(area.value);
        area.removeAttribute("aria-invalid");
        return value;
    } catch {
        area.setAttribute("aria-invalid", "true");
        return undefined;
    }
}

/** The option of `apus rule set` that names a target. @param {any} target @returns {[string, string]} */
const targetOption = (target) => [target.topic ? "--to-topic" : target.webhook ? "--to-webhook" : "--to-bus", targetName(target)];

/** Whether that option says everything about a target. @param {any} target */
const isPlain = (target) => Object.keys(target).length === 1
    && (typeof target.topic === "string" || Object.keys(target.webhook ?? {}).join() === "url"
        || Object.keys(target.bus ?? {}).sort().join() === "connection,topic");

/**
 * The command that makes a rule so: with options where they can say all of it, otherwise with the rule as a file.
 * @param {string} name @param {{ topic: string, pattern: any, targets: any[], enabled: boolean }} rule
 */
function ruleLine(name, { topic, pattern, targets, enabled }) {
    if (targets.every(isPlain)) {
        return commandLine("rule", "set", name, ["--topic", topic], ["--pattern", JSON.stringify(pattern)], ...targets.map(targetOption),
            !enabled && "--disabled");
    }
    return `printf '%s\\n' ${quoted(JSON.stringify({ topic, pattern, targets, enabled }))} | ${commandLine("rule", "set", name, ["--file", "-"])}`;
}

/**
 * Tries the rule whenever somebody has stopped typing.
 * @param {Record<string, any>} inputs @param {boolean} enabled @param {Element} explanation @param {Element} trial @param {Element} shell
 * @param {AbortSignal} signal
 */
function bench(inputs, enabled, explanation, trial, shell, signal) {
    const settings = () => ({ topic: inputs.topic.value.trim(), pattern: jsonOf(inputs.pattern), targets: jsonOf(inputs.targets) });
    let [timer, turn] = [0, 0];
    const refresh = async () => {
        turn += 1;
        const mine = turn;
        const { topic, pattern, targets } = settings();
        const event = jsonOf(inputs.event);
        fill(shell, pattern !== undefined && Array.isArray(targets)
            && sameInShell(ruleLine(inputs.name.value.trim() || "NAME", { topic, pattern, targets, enabled })));
        const [explained, tried] = await Promise.all([
            explain(pattern, targets, event, topic),
            tryStored({ topic, pattern, targets: targets ?? [] }),
        ]);
        if (mine !== turn || signal.aborted) return;
        fill(explanation, explained);
        fill(trial, tried);
    };
    for (const input of Object.values(inputs)) {
        input.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(refresh, 300);
        });
    }
    refresh();
    return { settings, refresh };
}

/** @param {any} pattern @param {any} targets @param {any} event @param {string} topic */
async function explain(pattern, targets, event, topic) {
    if (pattern === undefined || event === undefined) return notice(
        "info",
        pattern === undefined ? "The pattern is no JSON yet." : "The event is no JSON yet.",
    );
    const transformation = targets?.find?.((/** @type {any} */ one) => one.transformation)?.transformation;
    try {
        const result = await post("/v1/rules/test", { pattern, event, ...(transformation ? { transformation, topic } : {}) });
        const leaves = new Table({
            label: "Conditions, one by one", key: (leaf) => leaf.path,
            columns: [
                { label: "", kind: "tight", cell: (leaf) => (leaf.matched ? badge("holds", "good") : badge("fails", "bad")) },
                { label: "Field", kind: "tight", cell: (leaf) => h("code", {}, leaf.path) },
                {
                    label: "Expected",
                    kind: "wide",
                    cell: (leaf) => h("code", {}, leaf.expected.map((/** @type {any} */ one) => JSON.stringify(one)).join(" or ")),
                },
                {
                    label: "Found",
                    kind: "wide",
                    cell: (leaf) => (leaf.found.length ? h("code", {},
                        leaf.found.map((/** @type {any} */ one) => JSON.stringify(one)).join(", "),
                    ) : h("span.faint", {}, "nothing")),
                },
            ],
            empty: () => h("p.soft", {}, "The pattern has no conditions: it matches everything."),
        });
        leaves.set(result.leaves);
        return [
            notice(
                result.matched ? "good" : "bad",
                result.matched ? "This event matches." : "This event does not match.",
                result.note && h("p.soft", {}, result.note),
            ),
            leaves.element,
            result.transformed && [
                h("p.small.faint", {}, "What its target would get"),
                h("pre.code-block", { tabindex: 0 }, JSON.stringify(result.transformed, null, 2)),
            ],
            result.failure && notice("bad", "It cannot be transformed.", h("p.soft", {}, result.failure)),
        ];
    } catch (error) {
        return errorNotice(error);
    }
}

/** Runs over the newest events of the topic, however many requests that takes. @param {any} settings */
async function tryStored(settings) {
    if (settings.pattern === undefined) return notice("info", "The pattern is no JSON yet.");
    try {
        const total = { looked: 0, matched: 0, events: /** @type {any[]} */ ([]) };
        let rest;
        do {
            const answer = await post("/v1/rules/try", { ...settings, newest: TRIED, rest, show: SHOWN });
            total.looked += answer.looked;
            total.matched += answer.matched;
            total.events = [...total.events, ...answer.events]
                .sort((left, right) => Date.parse(right.time) - Date.parse(left.time)).slice(0, SHOWN);
            rest = answer.rest;
        } while (rest.length > 0);
        const table = new Table({
            label: "Events that match", key: eventKey, href: eventPath,
            columns: [
                { label: "Arrived", kind: "tight", cell: (one) => h("a", { href: eventPath(one) }, moment(one.time, false)) },
                { label: "Type", kind: "clip name", cell: (one) => one.event.type },
                { label: "Data", kind: "clip", cell: (one) => h("code", {}, glance(one.event)) },
                {
                    label: "Would go to",
                    kind: "wide",
                    cell: (one) => one.destinations.map((/** @type {any} */ to) => h("div", {},
                        to.webhook ?? `${to.topic} / ${to.partition}`,
                        to.failure && h("span.bad-text", {}, ` ${to.failure}`),
                    )),
                },
            ],
            empty: () => empty(total.looked === 0 ? "The topic has no events yet." : "None of them match."),
        });
        table.set(total.events);
        return [
            h("p", { data: { trial: "true" } }, h("strong", {}, `${number(total.matched)} of ${counted(total.looked, "event")} match.`)),
            table.element,
        ];
    } catch (error) {
        return errorNotice(error);
    }
}

/** @param {import("../lib/router.js").Context} context @param {any} stored */
function drop(context, stored) {
    confirmByTyping({
        title: `Delete ${stored.name}`, word: stored.name, label: "Delete the rule", line: commandLine("rule", "delete", stored.name, "--yes"),
        body: h("p", {}, "Events that arrive from now on are copied no more. What was copied stays where it is."),
        act: async () => {
            await remove(`/v1/rules/${part(stored.name)}`);
            toast(`${stored.name} is deleted.`);
            context.go("/ui/rules");
        },
    });
}
