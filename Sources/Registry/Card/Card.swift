package import Text

/// What a bundle's `model.yaml` says, checked.
///
/// The card is signed with its version and stays readable for ever, so its format is versioned
/// and everything that it does not know is refused.
package struct Card: Sendable, Equatable {
    /// The card's path inside a bundle.
    package static let path = CardFileName.path
    /// The values that ``runSeconds`` may have.
    package static let runSecondsRange = 1...86_400

    /// The format's version; always 1.
    package var format = 1
    /// The name of the engine that runs the model.
    package var engine = "onnxruntime"
    /// The file of the bundle that the engine loads.
    package var entry: ExactString
    /// For people; empty if not given.
    package var description = ""
    /// The model's licence; empty if not given.
    package var licence = ""
    /// The inputs that the model must have, if the card says so.
    package var inputs: [CardTensor]?
    /// The outputs that the model must have, if the card says so.
    package var outputs: [CardTensor]?
    /// When and how requests may be merged.
    package var batching = Batching()
    /// Intra-op threads of one run.
    package var threads = 1
    /// Where the model runs.
    package var isolation = Isolation.auto
    /// Seconds that one run may take, if that is less than the server's limit; nil: the server's
    /// limit.
    package var runSeconds: Int?
    /// Paths of the golden requests: the bundle's files that the card's pattern matched, sorted.
    package var golden: [ExactString] = []
    /// Labels to find the model by.
    package var labels: [ExactString: ExactString] = [:]
    /// The version that this one was made from.
    package var derivedFrom: Origin?
    /// What the model was trained on, in the publisher's terms.
    package var data: [ExactString: ExactString] = [:]
    /// What the publisher measured.
    package var metrics: [ExactString: Double] = [:]

    /// The card of a bare model file: format, engine and entry.
    package static func `default`(entry: ExactString) -> Card {
        Card(entry: entry)
    }

    /// A card with this entry and every default.
    package init(entry: ExactString) {
        self.entry = entry
    }

    /// An input or output as a card declares it.
    package struct Tensor: Sendable, Equatable {
        /// The tensor's name.
        package let name: ExactString
        /// The datatype's name in the Open Inference Protocol: `FP32`, `BYTES` and so on.
        package let datatype: String
        /// The sizes of its dimensions, -1 for any size; nil for a tensor of any shape.
        package let shape: [Int64]?
        /// Whether the model has a default for it, so that a request may leave it out; nil if the
        /// card does not say.
        package let isOptional: Bool?

        /// Declares a tensor.
        package init(
            name: ExactString,
            datatype: String,
            shape: [Int64]?,
            isOptional: Bool? = nil
        ) {
            self.name = name
            self.datatype = datatype
            self.shape = shape
            self.isOptional = isOptional
        }
    }

    /// The place where a model runs, the weakest isolation first.
    package enum Isolation: String, Sendable, CaseIterable, Comparable {
        /// In the server's process.
        case none
        /// In an engine host if values of a request may crash or exhaust the runtime.
        case auto
        /// In an engine host: a sandboxed process of its own.
        case process

        package static func < (left: Isolation, right: Isolation) -> Bool {
            left.rank < right.rank
        }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// How requests may be merged into one run.
    package struct Batching: Sendable, Equatable {
        /// Whether requests are merged.
        package enum Mode: String, Sendable, CaseIterable {
            /// Merged when the warm-up shows that rows do not see each other.
            case auto
            /// Merged; rows that differ by more than the tolerance reject the version.
            case on
            /// Never merged.
            case off
        }

        /// Whether requests are merged.
        package var mode = Mode.auto
        /// Rows of one run at most.
        package var maxRows = 64
        /// How long a request waits for company, in microseconds; 0: never.
        package var maxDelayUs: Int64 = 0
        /// How far a row may differ when it runs in company; 0: not at all.
        package var tolerance = 0.0
    }

    /// The version that a model was made from.
    package struct Origin: Sendable, Equatable {
        /// The model's name.
        package let model: String
        /// The version's number.
        package let version: UInt64

        /// Names a version.
        package init(model: String, version: UInt64) {
            self.model = model
            self.version = version
        }
    }
}

/// An input or output as a card declares it.
package typealias CardTensor = Card.Tensor
