// SPDX-License-Identifier: Apache-2.0

// Publishing from a page: a sample, or an event that is there, changed.

import { h } from "../lib/dom.js";
import { part, post } from "../lib/api.js";
import { jsonText, parseJSON } from "../lib/json-text.js";
import { commandLine, quoted } from "../lib/shell-quote.js";
import { field } from "./parts.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

/** An id that nothing else has. Made of random bytes: what browsers have for it is kept from pages that came by plain HTTP from another machine. */
function newID() {
    const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    // The form of a random UUID, with its version and variant (RFC 9562).
    return [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`,
        `${"89ab"[parseInt(digits[16], 16) % 4]}${digits.slice(17, 20)}`, digits.slice(20)].join("-");
}

const SAMPLE = { id: 1, customer: "customer-7", total: 1290, items: [{ sku: "A-1", count: 2 }] };

/**
 * @param {object} options
 * @param {string} [options.topic]
 * @param {any} [options.event] a CloudEvent to begin with
 * @param {string | null} [options.key]
 * @param {(receipt: any) => void} [options.done]
 */
export function publishDialog({ topic = "orders", event, key = null, done = () => {} }) {
    const isCopy = event !== undefined;
    const inputs = {
        topic: h("input.input", { value: topic, spellcheck: "false" }),
        type: h("input.input", { value: event?.type ?? "order.placed", spellcheck: "false" }),
        source: h("input.input", { value: event?.source ?? "/apus/dashboard", spellcheck: "false" }),
        subject: h("input.input", { value: event?.subject ?? "", spellcheck: "false" }),
        key: h("input.input", { value: key ?? "", spellcheck: "false" }),
    };
    const data = h("textarea.input", { spellcheck: "false", rows: 10 });
    data.value = event?.data === undefined && isCopy ? "" : typeof event?.data === "string" ? event.data : jsonText(event?.data ?? SAMPLE);
    const json = () => {
        try {
            return { value: parseJSON(data.value) };
        } catch {
            return null;
        }
    };
    const isText = typeof event?.data === "string";
    // What is neither JSON nor text comes as Base64, and is sent on as that.
    const isBinary = event?.data_base64 !== undefined;
    if (isBinary) data.value = event.data_base64;
    const isRight = () => (isBinary ? isBase64(data.value) : isText || !data.value.trim() || json() !== null);
    const made = () => ({
        ...event, specversion: "1.0", id: newID(), type: inputs.type.value, source: inputs.source.value,
        subject: inputs.subject.value || undefined, partitionkey: inputs.key.value || event?.partitionkey, time: undefined,
        data_base64: isBinary ? data.value.trim() : undefined,
        data: isBinary ? undefined : isText ? data.value : data.value.trim() ? json()?.value : undefined,
    });
    openDialog({
        title: isCopy ? "Edit and publish again" : "Publish an event",
        label: "Publish",
        isReady: () => {
            const isDataRight = isRight();
            data.setAttribute("aria-invalid", String(!isDataRight));
            return isDataRight && inputs.topic.value !== "" && inputs.type.value !== "";
        },
        body: [
            h("div.fields", {}, field("Topic", inputs.topic), field("Type", inputs.type), field("Source", inputs.source),
                field("Subject", inputs.subject), field("Key", inputs.key)),
            field(isBinary ? "Data (Base64)" : isText ? "Data" : "Data (JSON)", data, isCopy && "It gets an id of its own: it is another event."),
        ],
        line: () => publishLine(inputs.topic.value, made()),
        act: async () => {
            const receipt = await post(`/v1/topics/${part(inputs.topic.value)}/events`, made(), {
                headers: { "Content-Type": "application/cloudevents+json" },
            });
            toast(`Stored durably: ${receipt.topic}, partition ${receipt.partition}, offset ${receipt.offset}.`);
            done(receipt);
        },
    });
}

/** @param {string} text */
function isBase64(text) {
    try {
        atob(text.trim());
        return true;
    } catch {
        return false;
    }
}

/** What the options of `apus publish` say, or what is no attribute. */
const WITH_OPTION = new Set(["specversion", "id", "type", "source", "subject", "partitionkey", "time", "datacontenttype", "data", "data_base64"]);

/** Whether a media type says JSON. @param {string} type */
const isJSONType = (type) => /^(?:application\/json|text\/json|[^;\s]*\+json)(?:[;\s]|$)/i.test(type);

/**
 * The command that publishes an event, all of it. What options cannot say (binary data, `dataschema`, extensions that are no text, data that would be
 * taken for an option) goes in as the line of a file.
 * @param {string} topic @param {any} event
 */
function publishLine(topic, event) {
    const extensions = Object.entries(event).filter(([name, value]) => !WITH_OPTION.has(name) && value !== undefined);
    const type = event.datacontenttype;
    const isText = typeof event.data === "string" && type !== undefined && !isJSONType(type);
    const data = event.data === undefined ? "" : isText ? event.data : JSON.stringify(event.data);
    const isSayable = event.data_base64 === undefined && (isText || type === undefined || isJSONType(type)) && !data.startsWith("-")
        && extensions.every(([name, value]) => name !== "dataschema" && typeof value === "string");
    if (!isSayable) return `printf '%s\\n' ${quoted(JSON.stringify(event))} | ${commandLine("publish", topic, ["--file", "-"])}`;
    return commandLine("publish", topic, data, ["--type", event.type], ["--source", event.source], ["--subject", event.subject],
        ["--key", event.partitionkey], ["--content-type", type], .../** @type {[string, string][]} */ (extensions.map(
            ([name, value]) => ["--extension", `${name}=${value}`])));
}
