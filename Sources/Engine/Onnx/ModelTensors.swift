internal import Text

/// The tensors of a model whose data lies in other files, by how they reach the runtime.
struct ModelTensors {
    /// Initializers of the main graph: handed to the runtime as they lie in memory.
    var initializers: [ExternalTensor] = []
    /// Other tensors, of subgraphs and attributes: their data is copied into the model's bytes,
    /// since the runtime's interface has no other way for them.
    var embedded: [ExternalTensor] = []
    /// Tensors whose data is not read: those without elements, and initializers that no node uses,
    /// for which the runtime refuses data.
    var unread: [ExternalTensor] = []
    /// The changes of the model's bytes that follow, in the order of their places.
    var edits: [ModelEdit] = []
}

extension ModelTensors {
    fileprivate mutating func add(unread tensor: ExternalTensor, change: ModelEdit.Change) {
        unread.append(tensor)
        edits.append(ModelEdit(place: tensor.place, change: change))
    }
}

/// A change of one tensor of a model's bytes, before the runtime reads them.
struct ModelEdit {
    /// The kinds of change.
    enum Change {
        /// The tensor is left out.
        case remove
        /// The tensor's data is copied into it from another file.
        case embed(ExternalTensor)
        /// The references to another file are left out: the tensor needs no data from there.
        case clean
    }

    /// The place of the tensor's message in the model's bytes.
    let place: Range<Int>
    /// The kind of change.
    let change: Change
}

/// The collector of the tensors that a scan finds.
struct FoundTensors {
    private var initializers: [ExternalTensor] = []
    private var embedded: [ExternalTensor] = []
    private var cleaned: [Range<Int>] = []
    /// Where the last initializer of each name begins. The runtime takes the last one of a name.
    private var lastPlaces: [ExactString: Int] = [:]

    /// The names of initializers whose data lies in other files.
    var initializerNames: Set<ExactString> { Set(initializers.map(\.name)) }

    /// Adds an initializer of the main graph.
    mutating func add(initializer tensor: TensorFields) throws(EngineError) {
        lastPlaces[tensor.name] = tensor.place.lowerBound
        guard let external = try external(tensor) else { return }
        initializers.append(external)
    }

    /// Adds a tensor from elsewhere in the model.
    mutating func add(inner tensor: TensorFields) throws(EngineError) {
        guard let external = try external(tensor) else { return }
        embedded.append(external)
    }

    private mutating func external(
        _ tensor: TensorFields
    ) throws(EngineError) -> ExternalTensor? {
        guard tensor.namesFile else { return nil }
        guard initializers.count + embedded.count + cleaned.count < EngineLimits.maxExternalTensors
        else {
            throw EngineError(
                .unsupported,
                "more than \(EngineLimits.maxExternalTensors) tensors of the model have their "
                    + "data in other files"
            )
        }
        guard tensor.isExternal else {
            cleaned.append(tensor.place)
            return nil
        }
        return try tensor.external()
    }

    /// The tensors, sorted into what becomes of them.
    ///
    /// - Parameter used: The names of initializers that the graph uses.
    func sorted(used: Set<ExactString>) -> ModelTensors {
        var tensors = ModelTensors()
        tensors.edits = cleaned.map { ModelEdit(place: $0, change: .clean) }
        for tensor in initializers {
            let isLast = lastPlaces[tensor.name] == tensor.place.lowerBound
            if !isLast || !used.contains(tensor.name) {
                tensors.add(unread: tensor, change: .remove)
            } else if tensor.byteCount == 0 {
                tensors.add(unread: tensor, change: .clean)
            } else {
                tensors.initializers.append(tensor)
            }
        }
        for tensor in embedded {
            if tensor.byteCount == 0 {
                tensors.add(unread: tensor, change: .clean)
            } else {
                tensors.embedded.append(tensor)
                tensors.edits.append(ModelEdit(place: tensor.place, change: .embed(tensor)))
            }
        }
        tensors.edits.sort { $0.place.lowerBound < $1.place.lowerBound }
        return tensors
    }
}
