// SPDX-License-Identifier: Apache-2.0

// What gateways ask of the broker about schemas. The words are those of ApusSchemas: subject, version, id, format, compatibility, mode.

public import ApusSchemas

/// Why a request about schemas was not done.
public enum SchemaRequestError: Error, Sendable, Hashable {
    /// The registry says no; says why.
    case refused(SchemaRegistryError)
    /// The broker cannot, now or at all: the disk, or that it is stopping.
    case broker(BrokerError)
}

extension SchemaRequestError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .refused(let error): error.description
        case .broker(let error): error.description
        }
    }
}

/// The part of a ``Broker`` that keeps schemas. What is answered to a change is durable.
public protocol SchemaKeeping: Sendable {
    // MARK: Look

    /// Everything that is registered, as it is now: a value to ask. Copying it costs nothing.
    func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry
    /// Whether data is judged by schemas of a format, and whether schemas of it can be compared.
    var schemaFormats: SchemaFormats { get }

    // MARK: Change

    /// Registers a schema under a subject. When a version of the subject that is not deleted has the same content, that one is answered.
    ///
    /// - Parameter place: the id and version that it is to have, where the subject's mode is ``SchemaMode/import``.
    func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion
    /// Deletes a version: softly, or, when it is so already, permanently. Answers its number.
    func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int
    /// Deletes a subject: softly, or, when it is so already, permanently. Answers the numbers of the versions that went.
    func deleteSubject(
        _ subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> [Int]
    /// Changes what is decided about a subject, or, with nil, about all. Answers what is decided then.
    func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings

    // MARK: Try

    /// Whether a schema could be registered under a subject: whether it is one at all, and compatible, with all versions that count or with one.
    /// Nothing is registered.
    func checkSchema(
        _ content: SchemaContent, against subject: SubjectName, version: VersionSelector?
    ) async throws(SchemaRequestError) -> CompatibilityReport
    /// What is wrong with data by a schema: nothing when it is accepted. Formats that are only kept accept everything.
    ///
    /// - Parameter subject: of which it is taken to be; decides whether `format` is checked.
    func judge(
        _ data: [UInt8], by id: SchemaID, of subject: SubjectName?, limit: Int
    ) async throws(SchemaRequestError) -> [SchemaViolation]
}

// What a broker without schemas says.
extension SchemaKeeping {
    private var refusal: SchemaRequestError { .broker(.invalid("this broker keeps no schemas")) }

    public func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry { throw refusal }

    public var schemaFormats: SchemaFormats { SchemaFormats() }

    public func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion { throw refusal }

    public func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int { throw refusal }

    public func deleteSubject(
        _ subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> [Int] { throw refusal }

    public func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings { throw refusal }

    public func checkSchema(
        _ content: SchemaContent, against subject: SubjectName, version: VersionSelector?
    ) async throws(SchemaRequestError) -> CompatibilityReport { throw refusal }

    public func judge(
        _ data: [UInt8], by id: SchemaID, of subject: SubjectName?, limit: Int
    ) async throws(SchemaRequestError) -> [SchemaViolation] { throw refusal }
}
