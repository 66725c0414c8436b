// SPDX-License-Identifier: Apache-2.0

// Addresses of brokers: what they mean, and what is said about those that mean nothing.

import ApusBus
import Testing

@Suite struct BusURLTests {
    @Test func `the address of a server has a host and a port`() throws {
        let url = try BusURL("apus://localhost:8222")
        #expect(url.scheme == "apus")
        #expect(url.hosts == [BusURL.Host(name: "localhost", port: 8222)])
        #expect(url.path.isEmpty && url.query.isEmpty && url.user == nil && url.password == nil)
    }

    @Test func `brokers in the process have no host`() throws {
        let memory = try BusURL("memory:")
        #expect(memory.scheme == "memory" && memory.hosts.isEmpty && memory.path.isEmpty)
        #expect(try BusURL("memory:orders").path == "orders")
        let file = try BusURL("file:///var/lib/my%20app/events?partitions=4&durability=none")
        #expect(file.hosts.isEmpty && file.path == "/var/lib/my app/events")
        #expect(file.query == ["partitions": "4", "durability": "none"])
        #expect(try BusURL("file:/tmp/events").path == "/tmp/events")
    }

    @Test func `schemes are read in lower case`() throws {
        #expect(try BusURL("Kafka://a").scheme == "kafka")
        #expect(try BusURL("apus+tls://a").scheme == "apus+tls")
    }

    @Test func `there can be several hosts, and IPv6 addresses`() throws {
        let url = try BusURL("kafka://one:9092,two,[::1]:9094,[fe80::1]/topic")
        #expect(
            url.hosts == [
                BusURL.Host(name: "one", port: 9092), BusURL.Host(name: "two"),
                BusURL.Host(name: "::1", port: 9094), BusURL.Host(name: "fe80::1"),
            ])
        #expect(url.path == "/topic")
    }

    @Test func `user and password are decoded, and may have what separates them`() throws {
        let url = try BusURL("amqp://us%2Fer:p%40ss:w%25@rabbit/%2Fvhost")
        #expect(url.user == "us/er" && url.password == "p@ss:w%")
        #expect(url.hosts == [BusURL.Host(name: "rabbit")] && url.path == "//vhost")
        #expect(try BusURL("amqp://a@b@host").user == "a@b")
        #expect(try BusURL("amqp://user@host").password == nil)
        #expect(try BusURL("amqp://user:@host").password == "")
    }

    @Test func `settings are decoded, the last one counts, and what follows a # does not`() throws {
        let url = try BusURL("apus://h?a=1&b&a=%3D2&c=x=y&#fragment?d=1")
        #expect(url.query == ["a": "=2", "b": "", "c": "x=y"])
    }

    @Test func `descriptions keep passwords and settings to themselves`() throws {
        let url = try BusURL("amqp://me:secret@[::1]:5672,b/v?token=secret")
        #expect(url.description == "amqp://me@[::1]:5672,b/v")
        #expect(try BusURL("file:///tmp/x").description == "file:///tmp/x")
        #expect(try BusURL("memory:").description == "memory:")
    }

    @Test(arguments: [
        "", "localhost", ":8222", "://host", "a b://host", "apus://host:port", "apus://host:0",
        "apus://host:65536", "apus://host:", "apus://host:-1", "apus://a,,b", "apus://,", "apus://[::1",
        "apus://[::1]x",
        "apus://[]", "apus://:80", "apus://user@", "apus://%zz", "apus://h/%4", "apus://h/%", "apus://h/%FF",
        "apus://h?a=%g0", "apus://u%1@h", "apus://h:1:2", "apus://h:+5", "apus://h:٣",
    ])
    func `what is no address is refused`(_ text: String) {
        let error = #expect(throws: BusError.self) { try BusURL(text) }
        guard case .invalid(let reason) = error else {
            Issue.record("\(text): \(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test(arguments: [
        "amqp://u:sEcReT@host:x", "amqp://u:sEcReT%@host", "amqp://u:sEcReT@", "amqp://u:sEcReT@h/%",
        "amqp://u:sEcReT", "amqp://u:sEcReT@[::1", "amqp://u:sEc,ReT@a,,b",
    ])
    func `no refusal has the password`(_ text: String) {
        let error = #expect(throws: BusError.self) { try BusURL(text) }
        #expect(!"\(String(describing: error))".contains("sEc"))
    }
}
