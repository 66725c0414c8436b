// SPDX-License-Identifier: Apache-2.0

// Events in a table: when, where, what, and a glance at the data.

import { h } from "../lib/dom.js";
import { bytes, moment, clock } from "../lib/format.js";

/** @typedef {{ topic: string, partition: number, offset: number, time: string, key: string | null, event: any }} StoredEvent */

/** @param {StoredEvent} stored */
export const eventPath = ({ topic, partition, offset }) => `/ui/topics/${encodeURIComponent(topic)}/${partition}/${offset}`;

/** The beginning of the data, on one line. @param {any} event */
export function glance(event) {
    if (event.data_base64 !== undefined) return `${bytes(Math.floor(event.data_base64.length * 0.75))} of ${event.datacontenttype ?? "bytes"}`;
    if (event.data === undefined) return "";
    const text = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
    return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

/** Whether a text stands anywhere in an event. @param {StoredEvent} stored @param {string} text in lower case */
export const contains = (stored, text) => text === "" || JSON.stringify(stored).toLowerCase().includes(text);

/**
 * The columns of a table of events.
 * @param {{ withTopic?: boolean, withDate?: boolean }} [options]
 * @returns {import("./table.js").Column<StoredEvent>[]}
 */
export const eventColumns = ({ withTopic = false, withDate = true } = {}) => [
    {
        label: "Arrived",
        kind: "tight",
        cell: (one) => h("a", { href: eventPath(one) }, withDate ? moment(one.time) : clock(one.time, true)),
    },
    ...(withTopic ? [{
        label: "Topic",
        kind: "clip",
        cell: (one) => h("a", { href: `/ui/topics/${encodeURIComponent(one.topic)}` }, one.topic),
    }] : []),
    {
        label: "Place",
        kind: "tight spare",
        cell: (one) => h("span.faint", { title: "partition / offset" }, `${one.partition} / ${one.offset}`),
    },
    { label: "Type", kind: "clip name", cell: (one) => h("span", { title: one.event.type }, one.event.type) },
    { label: "Source", kind: "clip spare", cell: (one) => h("span", { title: one.event.source }, one.event.source) },
    { label: "Key", kind: "clip", cell: (one) => one.key ?? h("span.faint", {}, "–") },
    { label: "Data", kind: "clip", cell: (one) => h("code", {}, glance(one.event)) },
];

/** @param {StoredEvent} one */
export const eventKey = (one) => `${one.topic}/${one.partition}/${one.offset}`;
