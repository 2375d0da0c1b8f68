extension V1 {
    /// Which model, and which of its versions, answers.
    package struct ModelSpec: WireMessage, Equatable {
        /// The model's name.
        package var name: String
        /// Nil: the alias `live`.
        package var selector: Selector?

        /// How a version is chosen.
        package enum Selector: Sendable, Equatable {
            /// That version, by number.
            case version(UInt64)
            /// The version that the alias points to.
            case alias(String)
        }

        package init(name: String = "", selector: Selector? = nil) {
            self.name = name
            self.selector = selector
        }
    }
}

extension V1.ModelSpec: TreeMessage, InPlaceReadable {
    static let schema = MessageSchema.modelSpec

    init() {
        self.init(name: "")
    }

    init(_ fields: borrowing MessageView) {
        self.init(name: fields.string(1))
        if fields.isSet(2) {
            selector = .version(fields.uint64(2))
        } else if fields.isSet(3) {
            selector = .alias(fields.string(3))
        }
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: name = try fields.string()
            case 2: selector = .version(try fields.uint64())
            case 3: selector = .alias(try fields.string())
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        switch selector {
        case .version(let version): writer.uint64EvenIfZero(2, version)
        case .alias(let alias): writer.stringEvenIfEmpty(3, alias)
        case nil: break
        }
    }
}
