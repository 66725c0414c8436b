// SPDX-License-Identifier: Apache-2.0

// Promises about questions and answers, which are the library's own work on top of temporary subscriptions: through the typed API, as programs ask.

import Apus
import ApusBus

private struct AskedQuestion: Event {
    static let type = "contract.question", topic = "contract-questions"
    var number: Int
}

private struct AskedAnswer: Event {
    static let type = "contract.answer", topic = "contract-answers"
    var double: Int
}

extension BusContract {
    static let asking: [Promise] = [
        Promise("questions are answered, each to whoever asked", needs: .temporarySubscriptions) { run in
            // Two programs ask on one connection: each has a temporary subscription of its own.
            let askers = [Bus(transport: run.bus), Bus(transport: run.bus)]
            let answering = try Bus(transport: run.bus).consumer(
                group: "\(run.prefix)-desk", topic: run.topic(), options: .init(retry: .none)
            ) {
                Handle(AskedQuestion.self, replying: AskedAnswer.self) { question, _ in
                    AskedAnswer(double: 2 * question.number)
                }
            }
            try await answering.subscribe()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await answering.run() }
                for number in 0..<6 {
                    let answer = try await askers[number % 2].request(
                        AskedQuestion(number: number), as: AskedAnswer.self, timeout: run.subject.patience,
                        options: PublishOptions(topic: run.topic()))
                    try expect(answer.double == 2 * number, "the answer to \(number) is \(answer.double)")
                }
                answering.stop()
                try await tasks.waitForAll()
            }
        }
    ]
}
