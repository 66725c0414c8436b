// SPDX-License-Identifier: Apache-2.0

// Publishing from a page: a sample, or an event that is there, changed.

import { h } from "../lib/dom.js";
import { part, post } from "../lib/api.js";
import { jsonText } from "../lib/json-text.js";
import { commandLine } from "../lib/shell-quote.js";
import { field } from "./parts.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

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
            return { value: JSON.parse(data.value) };
        } catch {
            return null;
        }
    };
    const isText = typeof event?.data === "string";
    const made = () => ({
        ...event, specversion: "1.0", id: crypto.randomUUID(), type: inputs.type.value, source: inputs.source.value,
        subject: inputs.subject.value || undefined, partitionkey: inputs.key.value || event?.partitionkey, time: undefined,
        data_base64: undefined, data: isText ? data.value : data.value.trim() ? json()?.value : undefined,
    });
    openDialog({
        title: isCopy ? "Edit and publish again" : "Publish an event",
        label: "Publish",
        isReady: () => {
            const isRight = isText || !data.value.trim() || json() !== null;
            data.setAttribute("aria-invalid", String(!isRight));
            return isRight && inputs.topic.value !== "" && inputs.type.value !== "";
        },
        body: [
            h("div.fields", {}, field("Topic", inputs.topic), field("Type", inputs.type), field("Source", inputs.source),
                field("Subject", inputs.subject), field("Key", inputs.key)),
            field(isText ? "Data" : "Data (JSON)", data, isCopy && "It gets an id of its own: it is another event."),
        ],
        line: () => commandLine("publish", inputs.topic.value, oneLine(data.value), ["--type", inputs.type.value], ["--source", inputs.source.value],
            ["--subject", inputs.subject.value], ["--key", inputs.key.value]),
        act: async () => {
            const receipt = await post(`/v1/topics/${part(inputs.topic.value)}/events`, made(), {
                headers: { "Content-Type": "application/cloudevents+json" },
            });
            toast(`Stored durably: ${receipt.topic}, partition ${receipt.partition}, offset ${receipt.offset}.`);
            done(receipt);
        },
    });
}

/** JSON without its line ends; other text as it is. @param {string} text */
function oneLine(text) {
    try {
        return JSON.stringify(JSON.parse(text));
    } catch {
        return text;
    }
}
