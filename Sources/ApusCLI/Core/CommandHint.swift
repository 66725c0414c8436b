// SPDX-License-Identifier: Apache-2.0

// The hints of errors name requests, because whoever got the error speaks HTTP. Whoever sits at this program's command line is told the command that
// makes the same request. What the server finds out by itself (findings, causes, alarms) is for people, and names commands already.

/// Hints in the words of the command line.
enum CommandHint {
    private static let methods: Set<Substring> = ["GET", "PUT", "POST", "DELETE"]

    /// What to do where the server wants a token.
    static let token = "--token-file FILE, or put the token into APUS_TOKEN"

    /// The hint with the requests that it names put as commands; those without a command stay.
    static func text(_ hint: String) -> String {
        let words = hint.split(separator: " ", omittingEmptySubsequences: false)
        var result: [String] = []
        var index = 0
        while index < words.count {
            if methods.contains(words[index]), index + 1 < words.count {
                let path = words[index + 1].prefix { $0 != "," && $0 != ";" }
                if let command = command(String(words[index]), path) {
                    result.append("'\(command)'" + words[index + 1].dropFirst(path.count))
                    index += 2
                    continue
                }
            }
            result.append(String(words[index]))
            index += 1
        }
        return result.joined(separator: " ")
    }

    private static func command(_ method: String, _ path: Substring) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.first == "v1" else { return nil }
        switch (method, parts.count) {
        case ("PUT", 3) where parts[1] == "topics": return "apus topic create \(parts[2])"
        case ("PUT", 3) where parts[1] == "subscriptions":
            return "apus subscription create \(parts[2]) --topic TOPIC"
        case ("PUT", 3) where parts[1] == "rules":
            return "apus rule set \(parts[2]) --topic TOPIC --pattern JSON --to-topic TOPIC"
        default: return nil
        }
    }
}
