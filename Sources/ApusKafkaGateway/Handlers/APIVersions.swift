// SPDX-License-Identifier: Apache-2.0

// ApiVersions: what there is, from the codec's table.

internal import ApusKafkaCodec

extension KafkaCall {
    func apiVersions(_ request: APIVersionsRequest) {
        if version >= 3 {
            guard Self.isSoftwareName(request.clientSoftwareName),
                Self.isSoftwareName(request.clientSoftwareVersion)
            else {
                return answer(.apiVersions(APIVersionsResponse { $0.errorCode = .invalidRequest }))
            }
            session.setSoftware(
                name: request.clientSoftwareName, version: request.clientSoftwareVersion)
        }
        answer(.apiVersions(Self.apiVersionsResponse))
    }

    /// The answer to a client that is newer than this server: in version 0, which every client reads.
    func answerUnsupportedAPIVersions() {
        var response = Self.apiVersionsResponse
        response.errorCode = .unsupportedVersion
        var plain = self
        plain.header.version = 0
        plain.answer(.apiVersions(response))
    }

    /// What the codec speaks and nobody is to ask for: markers are written by the coordinator in this process.
    private static let unoffered: Set<Int16> = [APIKey.writeTxnMarkers.rawValue]

    private static let apiVersionsResponse = APIVersionsResponse { response in
        response.apiKeys = SupportedVersions.advertised.filter { !unoffered.contains($0.apiKey) }
        // Clients that know the newer group protocols, and transactions whose producers get the next epoch after each (KIP-890), ask here whether
        // they may use them.
        let features: [(String, Int16)] = [
            ("group.version", 1), ("share.version", 1), ("transaction.version", 2),
        ]
        response.supportedFeatures = features.map { name, level in
            APIVersionsResponse.SupportedFeature {
                $0.name = name
                $0.maxVersion = level
            }
        }
        response.finalizedFeaturesEpoch = 0
        response.finalizedFeatures = features.map { name, level in
            APIVersionsResponse.FinalizedFeature {
                $0.name = name
                $0.maxVersionLevel = level
                $0.minVersionLevel = level
            }
        }
    }

    /// The rule of KIP-511: letters and digits, and `-` and `.` between them.
    private static func isSoftwareName(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 256 else {
            return false
        }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && text.utf8.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }
}
