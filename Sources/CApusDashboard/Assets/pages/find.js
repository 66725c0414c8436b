// SPDX-License-Identifier: Apache-2.0

// Looking for events by what is known of them: an id, a key, a piece of text, a time, or the very place. What is looked for stands in the address.

import { h, fill } from "../lib/dom.js";
import { get, queryText } from "../lib/api.js";
import { counted } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { button, empty, field, page, panel } from "../components/parts.js";
import { sameInShell } from "../components/code.js";
import { eventColumns, eventKey, eventPath } from "../components/event-list.js";
import { Table } from "../components/table.js";
import { attempt } from "../components/toast.js";

/** What can be asked: its name in the address, what it is called, the option of the command. @type {[string, string, string][]} */
const FIELDS = [
    ["id", "Id, or topic/partition/offset", ""], ["key", "Key", "--key"], ["text", "Text in data or attributes", "--text"],
    ["topic", "Topic", "--topic"], ["since", "Since", "--since"], ["until", "Until", "--until"],
];
/** What a time may look like. @type {Record<string, string>} */
const EXAMPLES = { since: "1h", until: "10m" };
/** Where an event lies, as everything that tells of one writes it. */
const PLACE = /^([^/]+)\/([0-9]+)\/([0-9]+)$/;

/** @type {import("../lib/router.js").PageMaker} */
export async function find(context) {
    const asked = Object.fromEntries(FIELDS.map(([name]) => [name, context.query.get(name) ?? ""]).filter(([, value]) => value !== ""));
    const inputs = new Map(FIELDS.map(([name]) => [name, h("input.input", {
        type: "text", value: asked[name] ?? "", data: name === "id" ? { search: "" } : {}, autocomplete: "off",
        placeholder: EXAMPLES[name] ?? null,
    })]));
    const table = new Table({
        label: "Events found", key: eventKey, href: eventPath, columns: eventColumns({ withTopic: true }),
        empty: () => empty(Object.keys(asked).length === 0 ? "Say what is known of the event." : "No such event was found."),
    }).withKeys(context.signal, context.go);
    const more = h("div");
    /** @type {any[]} */
    let found = [];
    const look = async (/** @type {string | undefined} */ rest) => {
        const answer = await get("/v1/events", { ...asked, limit: 50, rest }, { signal: context.signal });
        found = [...found, ...answer.events];
        table.set(found);
        fill(more, answer.rest && h("div.toolbar", {}, button("Look further", () => attempt(() => look(answer.rest))),
            h("span.small.faint", {}, `${counted(answer.looked, "event")} looked at; there are more.`)));
    };
    table.set([]);
    if (Object.keys(asked).length > 0) await look(undefined);
    const form = h("form.toolbar", {
        onsubmit: (/** @type {Event} */ submitted) => {
            submitted.preventDefault();
            const place = PLACE.exec(/** @type {any} */ (inputs.get("id")).value.trim());
            if (place) return context.go(eventPath({ topic: place[1], partition: Number(place[2]), offset: Number(place[3]) }));
            const values = Object.fromEntries([...inputs].map(([name, input]) => [name, /** @type {any} */ (input).value.trim()])
                .filter(([, value]) => value !== ""));
            return context.go(`/ui/find${queryText(values)}`);
        },
    }, FIELDS.map(([name, label]) => field(label, inputs.get(name))), h("button.button", { type: "submit", data: { kind: "main" } }, "Find"));
    const options = FIELDS.filter(([name, , option]) => option && asked[name])
        .map(([name, , option]) => /** @type {[string, string]} */ ([option, asked[name]]));
    const isAsked = Object.keys(asked).length > 0;
    return {
        title: "Find",
        element: page({
            title: "Find an event",
            about: "By what is known of it, in all topics, the newest of each partition first; or by its place.",
        },
            panel(null, {}, form), panel(null, { flush: true }, table.element, more),
            // A command that is told nothing finds nothing.
            isAsked && sameInShell(commandLine("trace", ...(asked.id ? [asked.id] : []), ...options, "--list"))),
    };
}
