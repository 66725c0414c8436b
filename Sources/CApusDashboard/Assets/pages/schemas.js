// SPDX-License-Identifier: Apache-2.0

// Schemas: subjects with their versions, what has changed between two of them and whether that breaks anybody, and where a subject is used. Subjects
// are there before an event is.

import { h, fill } from "../lib/dom.js";
import { get, part, post } from "../lib/api.js";
import { counted, moment, number } from "../lib/format.js";
import { changes } from "../lib/diff.js";
import { atThisServer, commandLine } from "../lib/shell-quote.js";
import { badge, empty, facts, linkButton, notice, page, panel, segments } from "../components/parts.js";
import { codeBlock, codeLine, sameInShell } from "../components/code.js";
import { diffView } from "../components/diff.js";
import { jsonTree } from "../components/json-tree.js";
import { PagedList } from "../components/pager.js";
import { Table } from "../components/table.js";
import { eventTypePath } from "./event-types.js";
import { topicPath } from "./topics.js";

/** @param {string} subject */
export const schemaPath = (subject) => `/ui/schemas/${encodeURIComponent(subject)}`;

/** @param {string} type */
const typeLink = (type) => h("a", { href: eventTypePath(type) }, type);

/** @param {string} mode */
const modeBadge = (mode) => mode !== "readwrite" && badge(mode, mode === "readonly" ? "warn" : "info", "What can be done with it");

/** @type {import("../lib/router.js").PageMaker} */
export async function schemas(context) {
    const table = new Table({
        label: "Subjects", key: (one) => one.subject, href: (one) => schemaPath(one.subject),
        columns: [
            { label: "Subject", kind: "name", cell: (one) => h("a", { href: schemaPath(one.subject) }, one.subject) },
            { label: "Versions", kind: "end", cell: (one) => number(one.versions.length) },
            { label: "Latest", kind: "end", cell: (one) => (one.versions.length ? `v${one.versions.at(-1)}` : "none yet") },
            { label: "Compatibility", kind: "tight", cell: (one) => one.compatibility },
            { label: "Mode", kind: "tight spare", cell: (one) => modeBadge(one.mode) || one.mode },
            {
                label: "Types of events", kind: "clip spare",
                cell: (one) => one.event_types.flatMap((/** @type {string} */ type) => [typeLink(type), " "]),
            },
        ],
        empty: () => list.search
            ? empty(`No subject has “${list.search}” in its name.`)
            : empty("No schema is registered.",
                h("p", {}, "A subject is a name with versions of a schema: what data of some events looks like, and what of it may change. ",
                    "A topic named like it, without “-value”, can have its events judged by the latest version:"),
                codeLine(atThisServer("apus schema put orders-value order.json")),
                codeLine(atThisServer("apus topic set orders --schema enforce")),
                h("p", {}, "The server can propose a schema from what lies in a topic; nothing is registered by that:"),
                codeLine(atThisServer("apus schema infer --topic orders"))),
    }).withKeys(context.signal, context.go);
    const list = new PagedList(context, {
        path: "/v1/schemas", member: "subjects", label: "Search subjects", table, name: (row) => row.subject,
    });
    await context.every(3000, () => list.load());
    return {
        title: "Schemas",
        element: page({ title: "Schemas", about: "Subjects with the versions of their schemas." },
            panel(null, { flush: true }, h("div.panel-head", {}, list.toolbar), table.element),
            sameInShell(commandLine("schema", "list"))),
    };
}

/** A schema as text with a line for each thing in it. @param {any} version */
const textOf = (version) => (typeof version.schema === "string" ? pretty(version.schema) : JSON.stringify(version.schema, null, 2));

/** Avro's schemas are JSON in a text. @param {string} text */
function pretty(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

/** @type {import("../lib/router.js").PageMaker} */
export async function schema(context) {
    const [subject] = context.names;
    const path = `/v1/schemas/${part(subject)}`;
    const options = { signal: context.signal };
    const [config, uses, versions] = await Promise.all([
        get(`${path}/config`, {}, options), get(`${path}/uses`, {}, options),
        // A subject about which something was decided need not have versions.
        get(`${path}/versions`, {}, options).then((answer) => answer.versions, (error) => {
            if (error?.status === 404) return [];
            throw error;
        }),
    ]);
    const numbers = versions.map((/** @type {any} */ one) => one.version);
    /** @type {Map<number, Promise<any>>} */
    const known = new Map();
    const version = (/** @type {number} */ one) => {
        if (!known.has(one)) known.set(one, get(`${path}/versions/${one}`, {}, options));
        return /** @type {Promise<any>} */ (known.get(one));
    };
    const newest = versions.length ? await version(numbers.at(-1)) : null;
    return {
        title: subject,
        element: page({
            title: subject, crumbs: [["Schemas", "/ui/schemas"]],
            badges: [newest && badge(newest.format), modeBadge(config.effective.mode)],
            about: newest
                ? `${counted(versions.length, "version")}, the latest is v${newest.version} with id ${newest.id}`
                : "No version is registered.",
            actions: newest ? [linkButton("As it is", `${path}/versions/latest`)] : [],
        },
        newest ? [
            comparison(context, subject, numbers, version),
            h("div.columns", {}, versionsPanel(subject, versions), usesPanel(uses)),
            await textPanel(context, numbers, version),
        ] : [
            panel("Schema", {},
                empty("Nothing is registered under this subject yet.", codeLine(commandLine("schema", "put", subject, "schema.json")))),
            usesPanel(uses),
        ],
        panel("What is decided", {}, facts(decisions(config))),
        sameInShell(commandLine("schema", "show", subject))),
    };
}

/** @param {any} config @returns {[any, any][]} */
function decisions(config) {
    const own = (/** @type {any} */ value, /** @type {any} */ effective) => [
        String(effective), value === null && h("span.faint", {}, ", as for all subjects")];
    return [
        ["Compatibility", own(config.compatibility, config.effective.compatibility)],
        ["Mode", own(config.mode, config.effective.mode)],
        ["Formats", own(config.assert_formats, config.effective.assert_formats ? "are checked" : "are annotations")],
        ["Types of events", config.event_types.length
            ? config.event_types.flatMap((/** @type {string} */ type) => [typeLink(type), " "]) : "none is bound to it"],
    ];
}

/** @param {string} subject @param {any[]} versions */
function versionsPanel(subject, versions) {
    const table = new Table({
        label: `Versions of ${subject}`, key: (one) => String(one.version),
        columns: [
            { label: "Version", kind: "name", cell: (one) => `v${one.version}` },
            { label: "Id", kind: "end", cell: (one) => one.id },
            { label: "Registered", kind: "end", cell: (one) => moment(one.registered, false) },
        ],
        empty: () => empty("There are none."),
    });
    table.set(versions.toReversed().slice(0, 100));
    const aside = versions.length > 100 && h("span.small.faint", {}, `the newest 100 of ${number(versions.length)}`);
    return panel("Versions", { flush: true, aside }, table.element);
}

/** @param {any} uses */
function usesPanel(uses) {
    const rows = [
        ...uses.topics.map((/** @type {any} */ one) => ({
            key: `topic ${one.topic}`, name: h("a", { href: topicPath(one.topic) }, one.topic), kind: "topic",
            how: one.enforcement === "off" ? "does not judge its events" : one.enforcement === "warn" ? "judges its events, and lets them pass"
                : "accepts no events that it does not accept",
            tone: one.enforcement === "enforce" ? "good" : one.enforcement === "warn" ? "warn" : undefined,
        })),
        ...uses.event_types.map((/** @type {any} */ one) => ({
            key: `type ${one.type}`, name: typeLink(one.type), kind: "type of events", tone: undefined,
            how: one.by === "bound" ? "its data is of this subject" : "declared to be of this subject",
        })),
        ...uses.referenced_by.map((/** @type {any} */ one) => ({
            key: `schema ${one.subject} ${one.version}`, name: h("a", { href: schemaPath(one.subject) }, one.subject),
            kind: "schema", tone: undefined, how: `v${one.version} refers to v${one.refers_to}`,
        })),
    ];
    const table = new Table({
        label: "Where it is used", key: (one) => one.key,
        columns: [
            { label: "Used by", kind: "name", cell: (one) => one.name },
            { label: "Kind", kind: "tight", cell: (one) => one.kind },
            {
                label: "How", kind: "wide", cell: (one) => one.tone
                    ? h("span", {}, badge(one.tone === "good" ? "enforce" : "warn", one.tone), " ", one.how) : one.how,
            },
        ],
        empty: () => empty("Nothing uses it, as far as the server knows.", h("p", {}, "Clients that get schemas by their ids are not known to it.")),
    });
    table.set(rows);
    return panel("Where it is used", { flush: true }, table.element);
}

/** @param {any} one a reference of a schema @param {number} index */
const referenceText = (one, index) => [
    index > 0 && ", ", h("a", { href: schemaPath(one.subject) }, one.subject), ` v${one.version} as ${one.name}`];

/**
 * One version, whole.
 * @param {import("../lib/router.js").Context} context @param {number[]} numbers @param {(one: number) => Promise<any>} version
 */
async function textPanel(context, numbers, version) {
    const body = h("div");
    const asked = Number(context.query.get("version"));
    const first = numbers.includes(asked) ? asked : /** @type {number} */ (numbers.at(-1));
    const show = async (/** @type {string} */ one) => {
        const found = await version(Number(one));
        fill(body, typeof found.schema === "object" && found.schema !== null ? jsonTree(found.schema) : codeBlock(textOf(found)),
            found.references?.length > 0 && h("p.small.soft", {}, "Refers to ", found.references.flatMap(referenceText)));
    };
    await show(String(first));
    const shown = numbers.slice(-8);
    if (!shown.includes(first)) shown.unshift(first);
    return panel("Schema", {
        aside: segments("Version", shown.map((one) => [String(one), `v${one}`]), String(first), (one) => {
            context.setQuery({ version: one });
            void show(one);
        }),
    }, body);
}

/**
 * What has changed between two versions, and what that does to whoever reads and writes.
 * @param {import("../lib/router.js").Context} context @param {string} subject @param {number[]} numbers
 * @param {(one: number) => Promise<any>} version
 */
function comparison(context, subject, numbers, version) {
    if (numbers.length < 2) return null;
    const chosen = (/** @type {string} */ name, /** @type {number} */ otherwise) =>
        numbers.includes(Number(context.query.get(name))) ? Number(context.query.get(name)) : otherwise;
    const pair = { from: chosen("from", numbers.at(-2) ?? 1), to: chosen("to", numbers.at(-1) ?? 1) };
    const [text, verdict] = [h("div"), h("div", { "aria-live": "polite" })];
    const show = async () => {
        const [from, to] = [pair.from, pair.to];
        const [old, now] = await Promise.all([version(from), version(to)]);
        if (from !== pair.from || to !== pair.to) return;
        fill(text, old.id === now.id ? h("p.soft", {}, "They are the same schema.")
            : diffView(changes(textOf(old), textOf(now)), `From v${from} to v${to}`));
        fill(verdict);
        if (old.id === now.id) return;
        try {
            const report = await post(`/v1/schemas/${part(subject)}/check?version=${from}`,
                { format: now.format, schema: now.schema, references: now.references }, { signal: context.signal });
            if (from === pair.from && to === pair.to) fill(verdict, verdictOf(report, from, to));
        } catch (error) {
            if (context.signal.aborted) return;
            fill(verdict, h("p.small.faint", {}, `Whether v${to} is compatible with v${from} cannot be told: ${error.message}`));
        }
    };
    const select = (/** @type {"from" | "to"} */ name, /** @type {string} */ label) => {
        const input = h("select.input", {
            "aria-label": label, onchange: () => {
                pair[name] = Number(input.value);
                context.setQuery({ [name]: input.value });
                void show();
            },
        }, numbers.map((one) => h("option", { value: String(one), selected: one === pair[name] }, `v${one}`)));
        return input;
    };
    void show();
    const aside = h("div.toolbar", {}, select("from", "From version"), "→", select("to", "To version"));
    return panel("What has changed", { aside }, h("div.stack", {}, verdict, text));
}

/** @param {any} report @param {number} from @param {number} to */
function verdictOf(report, from, to) {
    if (report.compatibility === "none") return h("p.small.faint", {}, "Compatibility is not asked for: whatever is registered is accepted.");
    if (report.compatible) {
        return notice("good", `Version ${to} is compatible with version ${from}.`, h("p.soft", {}, `As the subject asks: ${report.compatibility}.`));
    }
    return notice("bad", `Version ${to} is not compatible with version ${from}.`,
        h("p.soft", {}, `The subject asks for ${report.compatibility}.`),
        h("ul.stack", {}, report.differences.slice(0, 20).map((/** @type {any} */ one) =>
            h("li", {}, one.path && [h("code", {}, one.path), " "], one.message, " ", badge(one.direction)))));
}
