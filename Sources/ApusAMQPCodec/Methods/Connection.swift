// SPDX-License-Identifier: Apache-2.0

// Class connection (10) of AMQP 0-9-1: negotiates and ends connections.

package import NIOCore

/// The methods of class connection.
package enum Connection {
    /// Method 10: offers mechanisms and says what the server is.
    package struct Start: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 10)
        package var versionMajor: UInt8 = 0
        package var versionMinor: UInt8 = 9
        package var serverProperties: FieldTable = FieldTable()
        package var mechanisms: ByteBuffer = ByteBuffer()
        package var locales: ByteBuffer = ByteBuffer()

        package init() {}

        package init(
            versionMajor: UInt8 = 0, versionMinor: UInt8 = 9, serverProperties: FieldTable = FieldTable(),
            mechanisms: ByteBuffer = ByteBuffer(), locales: ByteBuffer = ByteBuffer()
        ) {
            self.versionMajor = versionMajor
            self.versionMinor = versionMinor
            self.serverProperties = serverProperties
            self.mechanisms = mechanisms
            self.locales = locales
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("version-major", &versionMajor)
            try coder.field("version-minor", &versionMinor)
            try coder.field("server-properties", &serverProperties)
            try coder.field("mechanisms", &mechanisms)
            try coder.field("locales", &locales)
        }
    }

    /// Method 11: chooses a mechanism.
    package struct StartOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 11)
        package var clientProperties: FieldTable = FieldTable()
        package var mechanism: String = ""
        package var response: ByteBuffer = ByteBuffer()
        package var locale: String = "en_US"

        package init() {}

        package init(
            clientProperties: FieldTable = FieldTable(), mechanism: String = "",
            response: ByteBuffer = ByteBuffer(), locale: String = "en_US"
        ) {
            self.clientProperties = clientProperties
            self.mechanism = mechanism
            self.response = response
            self.locale = locale
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("client-properties", &clientProperties)
            try coder.field("mechanism", &mechanism)
            try coder.field("response", &response)
            try coder.field("locale", &locale)
        }
    }

    /// Method 20: asks for more of a mechanism.
    package struct Secure: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 20)
        package var challenge: ByteBuffer = ByteBuffer()

        package init() {}

        package init(challenge: ByteBuffer = ByteBuffer()) {
            self.challenge = challenge
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("challenge", &challenge)
        }
    }

    /// Method 21: answers a challenge.
    package struct SecureOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 21)
        package var response: ByteBuffer = ByteBuffer()

        package init() {}

        package init(response: ByteBuffer = ByteBuffer()) {
            self.response = response
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("response", &response)
        }
    }

    /// Method 30: proposes limits; 0 for none.
    package struct Tune: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 30)
        package var channelMax: UInt16 = 0
        package var frameMax: UInt32 = 0
        package var heartbeat: UInt16 = 0

        package init() {}

        package init(channelMax: UInt16 = 0, frameMax: UInt32 = 0, heartbeat: UInt16 = 0) {
            self.channelMax = channelMax
            self.frameMax = frameMax
            self.heartbeat = heartbeat
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("channel-max", &channelMax)
            try coder.field("frame-max", &frameMax)
            try coder.field("heartbeat", &heartbeat)
        }
    }

    /// Method 31: sets limits.
    package struct TuneOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 31)
        package var channelMax: UInt16 = 0
        package var frameMax: UInt32 = 0
        package var heartbeat: UInt16 = 0

        package init() {}

        package init(channelMax: UInt16 = 0, frameMax: UInt32 = 0, heartbeat: UInt16 = 0) {
            self.channelMax = channelMax
            self.frameMax = frameMax
            self.heartbeat = heartbeat
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("channel-max", &channelMax)
            try coder.field("frame-max", &frameMax)
            try coder.field("heartbeat", &heartbeat)
        }
    }

    /// Method 40: opens a virtual host.
    package struct Open: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 40)
        package var virtualHost: String = "/"
        package var reserved1: String = ""
        package var reserved2: Bool = false

        package init() {}

        package init(virtualHost: String = "/") {
            self.virtualHost = virtualHost
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("virtual-host", &virtualHost)
            try coder.field("reserved-1", &reserved1)
            try coder.field("reserved-2", &reserved2)
        }
    }

    /// Method 41: says that it is open.
    package struct OpenOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 41)
        package var reserved1: String = ""

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved1)
        }
    }

    /// Method 50: ends the connection, with the reason.
    package struct Close: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 50)
        package var replyCode: UInt16 = 0
        package var replyText: String = ""
        package var classID: UInt16 = 0
        package var methodID: UInt16 = 0

        package init() {}

        package init(replyCode: UInt16 = 0, replyText: String = "", classID: UInt16 = 0, methodID: UInt16 = 0)
        {
            self.replyCode = replyCode
            self.replyText = replyText
            self.classID = classID
            self.methodID = methodID
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reply-code", &replyCode)
            try coder.field("reply-text", &replyText)
            try coder.field("class-id", &classID)
            try coder.field("method-id", &methodID)
        }
    }

    /// Method 51: confirms the end.
    package struct CloseOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 51)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 60: says that publishing is held up (an extension).
    package struct Blocked: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 60)
        package var reason: String = ""

        package init() {}

        package init(reason: String = "") {
            self.reason = reason
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reason", &reason)
        }
    }

    /// Method 61: says that publishing goes on (an extension).
    package struct Unblocked: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 61)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 70: renews credentials (an extension).
    package struct UpdateSecret: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 70)
        package var newSecret: ByteBuffer = ByteBuffer()
        package var reason: String = ""

        package init() {}

        package init(newSecret: ByteBuffer = ByteBuffer(), reason: String = "") {
            self.newSecret = newSecret
            self.reason = reason
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("new-secret", &newSecret)
            try coder.field("reason", &reason)
        }
    }

    /// Method 71: confirms renewed credentials (an extension).
    package struct UpdateSecretOk: AMQPMethodFields {
        package static let id = AMQPMethodID(10, 71)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
