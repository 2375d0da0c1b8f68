/// The limits of what an engine accepts.
package enum EngineLimits {
    /// Tensors of one request, and inputs or outputs of one model.
    package static let maxTensors = 1_024
    /// UTF-8 bytes of the name of a tensor, inclusive.
    package static let maxNameBytes = 1_024
    /// Dimensions of a tensor.
    package static let maxRank = 8
    /// Elements of a tensor, inclusive: under 2^31. A dimension of 0 counts as 1 here, so that no
    /// product of a shape's dimensions overflows, in whatever order it is taken.
    package static let maxElements: Int64 = (1 << 31) - 1
    /// Elements that the other dimensions of a tensor without elements may multiply to, if one of
    /// them is free: a size of 0 hides them from the bytes of a request.
    package static let maxHiddenElements: Int64 = 65_536
    /// The most bytes of an intermediate for each byte of a request, in a model that may run in
    /// the server's process, unless the configuration says otherwise.
    package static let defaultGrowth = 64
    /// Threads of one run.
    package static let maxThreads = 256
    /// Bytes of a model's entry file, inclusive: what a protobuf parser takes.
    package static let maxModelBytes = (1 << 31) - 1
    /// Tensors of a model whose data is in other files of its bundle.
    package static let maxExternalTensors = 65_536
    /// Files of a bundle that such tensors lie in.
    package static let maxExternalFiles = 4_096
    /// Bytes of all these files together, inclusive: 64 GiB.
    package static let maxExternalBytes: UInt64 = 1 << 36
    /// Tensors of a model may share bytes of its files, as tied weights do, and the runtime copies
    /// the bytes of each. The sum of their sizes is bounded by this many times the bytes of the
    /// files, and ``maxSharedBytes`` more.
    package static let maxExternalCopies: UInt64 = 4
    /// Bytes of tensors above ``maxExternalCopies`` times the bytes of their files: 64 MiB.
    package static let maxSharedBytes: UInt64 = 64 << 20
    /// Bytes of tensors outside of the main graph's initializers whose data lies in other files,
    /// all together: 1 GiB. They are copied into the model's own bytes.
    package static let maxEmbeddedBytes: UInt64 = 1 << 30
    /// Dimensions of a tensor of a model whose data lies in another file.
    package static let maxInitializerRank = 64
    /// UTF-8 bytes of the path of such a file.
    package static let maxLocationBytes = 512
    /// Messages inside one another in a model's file: what protobuf parsers take by default.
    package static let maxModelDepth = 100
}
