extension V1 {
    /// Brings every data key under a new key-encryption key.
    package struct RotateKeysRequest: WireMessage, Equatable {
        package init() {}
    }

    /// What a rotation did.
    package struct RotateKeysResponse: WireMessage, Equatable {
        /// The id of the key that all wraps use now.
        package var currentKey: String
        /// Keys that this call brought under it.
        package var rewrapped: UInt64
        /// What did not unwrap, one line each; then nothing is retired.
        package var failures: [String]
        /// The ids of keys that nothing counts on any more.
        package var retiredKeys: [String]

        package init(
            currentKey: String = "",
            rewrapped: UInt64 = 0,
            failures: [String] = [],
            retiredKeys: [String] = []
        ) {
            self.currentKey = currentKey
            self.rewrapped = rewrapped
            self.failures = failures
            self.retiredKeys = retiredKeys
        }
    }
}

extension V1.RotateKeysRequest: TreeMessage {
    static let schema = MessageSchema.rotateKeysRequest

    init(_ fields: borrowing MessageView) {
        self.init()
    }

    func write(to writer: inout ProtoWriter) {}
}

extension V1.RotateKeysResponse: TreeMessage {
    static let schema = MessageSchema.rotateKeysResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            currentKey: fields.string(1),
            rewrapped: fields.uint64(2),
            failures: fields.strings(3),
            retiredKeys: fields.strings(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, currentKey)
        writer.uint64(2, rewrapped)
        writer.strings(3, failures)
        writer.strings(4, retiredKeys)
    }
}
