package import Text

/// One file that a publisher is about to send.
package struct BundleFile: Sendable, Equatable {
    /// The path inside the bundle, relative, with `/` between components.
    package let path: ExactString
    /// Plaintext bytes.
    package let size: UInt64
    /// SHA-256 of the plaintext, 32 bytes.
    package let sha256: [UInt8]

    /// Describes a file.
    package init(path: ExactString, size: UInt64, sha256: [UInt8]) {
        self.path = path
        self.size = size
        self.sha256 = sha256
    }
}

/// What a publisher declares before the first byte.
package struct PublishRequest: Sendable, Equatable {
    /// The model that gets a version; it need not exist.
    package let model: String
    /// The bundle's files; their order gives them the indexes that chunks name.
    package let files: [BundleFile]
    /// What the publisher says about the version.
    package let metadata: [ExactString: ExactString]
    /// The same key again names the same upload, or the version that it became. Empty: none.
    package let idempotencyKey: String

    /// Describes a bundle.
    package init(
        model: String,
        files: [BundleFile],
        metadata: [ExactString: ExactString] = [:],
        idempotencyKey: String = ""
    ) {
        self.model = model
        self.files = files
        self.metadata = metadata
        self.idempotencyKey = idempotencyKey
    }
}

/// The answer to a begun, or begun before, upload.
package struct BegunPublish: Sendable, Equatable {
    /// Names the upload in every later call.
    package let uploadID: String
    /// Bytes of every chunk of a file but its last.
    package let chunkBytes: UInt32
    /// The version that this idempotency key already became; then there is nothing to send.
    package let version: UInt64?
}

/// How far an upload is.
package struct UploadStatus: Sendable, Equatable {
    /// For each file of the request, in its order: the first byte not yet held.
    package let nextOffsets: [UInt64]
    /// The version that the upload became, once committed.
    package let version: UInt64?

    /// Describes how far an upload is.
    package init(nextOffsets: [UInt64], version: UInt64?) {
        self.nextOffsets = nextOffsets
        self.version = version
    }
}

/// The answer to a commit.
package struct Committed: Sendable, Equatable {
    /// The new version, or the one that an earlier commit of the upload made.
    package let version: VersionInfo
    /// The move that was accepted with it: its `generation` and `targetVersion` are the move's
    /// own, also when a later move superseded it since. `nil` when no alias was asked for.
    package let move: AliasInfo?
}
