// SPDX-License-Identifier: Apache-2.0

// Looks at a topic's events without consuming them, newest first. Logs are read forwards: each partition is read in steps from its end, and the steps
// are merged by time.

import { get, part, Problem } from "./api.js";

/** @typedef {import("../components/event-list.js").StoredEvent} StoredEvent */

/** Events of one step. */
const STEP = 100;

export class Peek {
    /**
     * @param {string} topic
     * @param {{ partition: number, start: number, end: number }[]} positions
     */
    constructor(topic, positions) {
        this.topic = topic;
        /** @type {{ partition: number, start: number, to: number, held: StoredEvent[] }[]} */
        this.lanes = positions.map(({ partition, start, end }) => ({ partition, start, to: end, held: [] }));
    }

    /** Whether there are older events. */
    get isAtEnd() {
        return this.lanes.every((lane) => lane.held.length === 0 && lane.to <= lane.start);
    }

    /**
     * The next older events, at most `count` that `isWanted`, of at most `looked` that are looked at.
     * @param {number} count @param {(stored: StoredEvent) => boolean} [isWanted] @param {number} [looked]
     */
    async older(count, isWanted = () => true, looked = 2000) {
        const found = [];
        while (found.length < count && looked > 0) {
            await Promise.all(this.lanes.map((lane) => this.#fill(lane)));
            const lane = this.lanes.filter((one) => one.held.length).reduce((best, one) =>
                !best || one.held[0].time > best.held[0].time ? one : best, /** @type {any} */ (null));
            if (!lane) break;
            const stored = lane.held.shift();
            looked -= 1;
            if (isWanted(stored)) found.push(stored);
        }
        return found;
    }

    /** Reads a step where nothing is held; offsets may have holes, so one step may find nothing. @param {Peek["lanes"][0]} lane */
    async #fill(lane) {
        while (lane.held.length === 0 && lane.to > lane.start) {
            const from = Math.max(lane.start, lane.to - STEP);
            try {
                const { events } = await get(`/v1/topics/${part(this.topic)}/events`, { partition: lane.partition, from, limit: STEP });
                lane.held = events.filter((stored) => stored.offset < lane.to).reverse();
            } catch (error) {
                // What retention has taken meanwhile, or what is damaged, is passed over.
                if (!(error instanceof Problem) || !["trimmed", "corrupt"].includes(error.type)) throw error;
            }
            lane.to = from;
        }
    }
}
