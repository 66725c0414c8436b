// SPDX-License-Identifier: Apache-2.0

// The server's hints name requests, because its callers speak HTTP. Whoever sits at this program's command line is told the command that
// makes the same request.

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
        case ("GET", 2) where parts[1].hasPrefix("dead-letters?subscription="):
            return "apus dead-letter list --subscription \(parts[1].split(separator: "=").last ?? "NAME")"
        case ("GET", 2) where parts[1] == "dead-letters": return "apus dead-letter list"
        case ("GET", 4) where parts[1] == "subscriptions" && parts[3] == "explanation":
            return "apus explain \(parts[2])"
        case ("POST", 2) where parts[1] == "verify": return "apus doctor"
        case ("POST", 4) where parts[1] == "topics" && parts[3] == "schema-proposal":
            return "apus schema infer --topic \(parts[2])"
        case ("POST", 4) where parts[1] == "subscriptions" && parts[3] == "resume":
            return "apus subscription resume \(parts[2])"
        default: return nil
        }
    }
}
