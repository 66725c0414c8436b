// SPDX-License-Identifier: Apache-2.0

// What a transformation may cost. Transformations come from users; each limit bounds a stage of reading or
// applying one. Those that EventBridge has are as large as there.

/// The bounds within which a transformation is accepted and applied.
public struct TransformationLimits: Sendable, Hashable {
    /// Length of the transformation's text, in bytes.
    public var textBytesMax = 128 * 1024

    /// Variables in `input_paths`.
    public var variablesMax = 100

    /// Length of a variable's name, in bytes.
    public var variableNameBytesMax = 256

    /// Length of a path, in bytes.
    public var pathBytesMax = 256

    /// Steps of a path below the attribute or the data.
    public var pathStepsMax = 32

    /// Length of a template, and of a constant `input` as JSON text, in bytes.
    public var templateBytesMax = 8192

    /// Levels of objects and arrays in a template.
    public var templateDepthMax = 32

    /// Attributes that are renamed, removed and set, all together.
    public var attributesMax = 64

    /// Length of the data and of each attribute that comes out, in bytes.
    public var outputBytesMax = 1024 * 1024

    /// Levels of objects and arrays in data that is read, and in data that comes out.
    ///
    /// The same as the matcher's: what comes out can be matched again.
    static let dataDepthMax = 128

    /// The default limits.
    public init() {}
}
