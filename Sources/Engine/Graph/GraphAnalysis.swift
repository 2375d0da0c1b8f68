internal import Text

/// The analysis of a model's graph that proves which rows of a run are independent.
///
/// It follows the batch, the first dimension of each input, through every node that the outputs
/// need. Merged requests agree on all other dimensions, so these are symbols of one run.
///
/// The analysis of sizes follows the same rules with other facts about the inputs: see
/// ``declareSeparateInputs()``.
struct GraphAnalysis {
    let graph: ModelGraph
    /// The source of symbols.
    let symbols = SizeSymbols()
    private(set) var facts: [ExactString: TensorFacts] = [:]
    private(set) var precision: BitStability.Level = .exact
    private(set) var imprecise: Int?
    private var random: Int?
    private var separatesInputs = false
    private var keptValues = 0
    private let fusedMeans: Set<Int>

    /// Analyses a model's file.
    ///
    /// It takes time in proportion to the file. A graph beyond ``GraphLimits`` is not proved.
    static func rows(of model: RawSpan) -> RowAnalysis {
        do throws(EngineError) {
            return rows(of: try GraphReader.graph(of: model))
        } catch {
            let reason = unreadable(error)
            return RowAnalysis(
                independence: .unproved(reason: reason),
                precision: .dependsOnPlace(reason: reason)
            )
        }
    }

    /// Analyses a graph.
    static func rows(of graph: ModelGraph) -> RowAnalysis {
        var analysis = GraphAnalysis(of: graph)
        return analysis.run()
    }

    static func unreadable(_ error: EngineError) -> String {
        "the model's graph cannot be analysed: \(error.message)"
    }

    init(of graph: ModelGraph) {
        self.graph = graph
        fusedMeans = FusedNormalization.means(in: graph)
    }

    private mutating func run() -> RowAnalysis {
        var obstacle = declareInputs()
        let isNeeded = neededNodes()
        for index in graph.nodes.indices where isNeeded[index] {
            let repeated = follow(index).repeated
            obstacle = obstacle ?? repeated.map { "tensor \(quoted($0.text)) is computed twice" }
        }
        return RowAnalysis(
            independence: obstacle.map { .unproved(reason: $0) } ?? independence(),
            precision: precisionVerdict(),
            randomNode: random.map(describe)
        )
    }

    // MARK: Inputs

    /// The facts about constants and inputs.
    ///
    /// - Returns: The reason why no run can be shared, if there is one.
    private mutating func declareInputs() -> String? {
        var hasRows = false
        for (index, input) in declareConstants() {
            let what = "input \(quoted(input.name.text))"
            guard input.isTensor else { return "\(what) is no tensor" }
            guard let shape = input.shape else { return "\(what) has no declared rank" }
            guard shape.first == .free else { return "the first dimension of \(what) is not free" }
            hasRows = true
            let sizes = [.rowCount] + shape.dropFirst().map { symbol(for: $0, of: index) }
            facts[input.name] = TensorFacts(
                type: input.type,
                shape: sizes,
                rows: .apart(RowAxis(axis: 0))
            )
        }
        return hasRows ? nil : "the model has no inputs"
    }

    /// The facts about inputs of a request that is not merged with others: each free dimension of
    /// each input is a symbol of its own, and every tensor is the same for the whole run.
    ///
    /// - Returns: The reason why the sizes of a request are not known, if there is one.
    mutating func declareSeparateInputs() -> String? {
        separatesInputs = true
        var names: Set<ExactString> = []
        for (index, input) in declareConstants() {
            let what = "input \(quoted(input.name.text))"
            guard names.insert(input.name).inserted else { return "\(what) is declared twice" }
            guard input.isTensor else { return "\(what) is no tensor" }
            guard let shape = input.shape else { return "\(what) has no declared rank" }
            let sizes = shape.map { symbol(for: $0, of: index) }
            facts[input.name] = TensorFacts(type: input.type, shape: sizes)
        }
        return nil
    }

    /// Keeps the facts about constants.
    ///
    /// - Returns: The inputs that a request has to give, with their indices.
    private mutating func declareConstants() -> [(Int, GraphValue)] {
        for initializer in graph.initializers {
            keep(initializer.facts, as: initializer.name)
        }
        let constants = Set(graph.initializers.map(\.name))
        var inputs: [(Int, GraphValue)] = []
        for (index, input) in graph.inputs.enumerated() {
            guard constants.contains(input.name) else {
                inputs.append((index, input))
                continue
            }
            // Before version 4 of the format every constant is an input as well.
            if graph.irVersion >= 4 { facts[input.name] = optional(input) }
        }
        return inputs
    }

    /// A constant that a request may replace: of unknown values, but one for the whole run.
    private func optional(_ input: GraphValue) -> TensorFacts {
        let shape = input.shape?.map { size in
            if case .number(let number) = size {
                SymbolicSize(number)
            } else {
                symbols.derived(atMost: nil)
            }
        }
        return TensorFacts(type: input.type, shape: shape)
    }

    private func symbol(for size: GraphValue.Size, of input: Int) -> SymbolicSize {
        if case .number(let number) = size { return SymbolicSize(number) }
        return symbols.free(input: input)
    }

    private mutating func keep(_ facts: TensorFacts, as name: ExactString) {
        self.facts[name] = bounded(facts)
    }

    /// The facts without known values, once the graph has more of them than are kept.
    private mutating func bounded(_ facts: TensorFacts) -> TensorFacts {
        keptValues += (facts.numbers?.count ?? 0) + (facts.reals?.count ?? 0)
        guard keptValues > GraphLimits.maxKeptValuesInAll else { return facts }
        var facts = facts
        (facts.numbers, facts.reals) = (nil, nil)
        return facts
    }

    // MARK: Nodes

    /// Which nodes the outputs need.
    private func neededNodes() -> [Bool] {
        var needed = Set(graph.outputs.map(\.name))
        var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
        for index in graph.nodes.indices.reversed() {
            let node = graph.nodes[index]
            guard node.outputs.contains(where: { needed.contains($0) }) else { continue }
            isNeeded[index] = true
            needed.formUnion(node.inputs)
        }
        return isNeeded
    }

    /// Keeps the facts about the outputs of a node.
    ///
    /// - Returns: The facts, and the name of an output that is known already.
    mutating func follow(_ index: Int) -> (facts: [TensorFacts], repeated: ExactString?) {
        let outputs = visit(index)
        var repeated: ExactString?
        for (name, fact) in zip(graph.nodes[index].outputs, outputs) where name != "" {
            if facts.updateValue(fact, forKey: name) != nil { repeated = repeated ?? name }
        }
        return (outputs, repeated)
    }

    /// The facts about the outputs of a node.
    private mutating func visit(_ index: Int) -> [TensorFacts] {
        let node = graph.nodes[index]
        if random == nil, drawsRandomly(node) { random = index }
        let inputs = node.inputs.map { $0 == "" ? nil : facts[$0] ?? Self.unknownInput }
        let name = OperatorName(node.domain, node.type)
        guard let rule = rule(of: name, for: node) else {
            return mixed(node, Self.unknown(name, in: graph), at: index)
        }
        let isConstant = inputs.allSatisfy { $0?.isSame ?? true }
        let mixing = rule.isOpaque ? nil : rule.mixing(of: inputs)
        var call = OperatorCall(
            node: node,
            version: graph.operatorSets[name.domain] ?? 1,
            inputs: inputs.enumerated().map { rule.shown($0.element, at: $0.offset) },
            stability: rule.stability,
            symbols: symbols,
            separatesInputs: separatesInputs
        )
        do throws(RowFault) {
            var outputs = try rule.transfer(&call)
            if !outputs.isEmpty, outputs[0].numbers == nil {
                outputs[0].numbers = try KnownNumbers.elements(of: outputs[0], by: call)
            }
            if separatesInputs { outputs = outputs.map(withoutOverflow) }
            if separatesInputs, outputs.contains(where: \.hasNegativeSize) {
                throw RowFault("may give a negative size")
            }
            guard outputs.allSatisfy({ ($0.rank ?? 0) <= GraphLimits.maxRank }) else {
                throw RowFault("gives more than \(GraphLimits.maxRank) dimensions")
            }
            if !isConstant { note(call, at: index) }
            return outputs.prefix(node.outputs.count).map { output in
                finished(output, mixing ?? (isConstant ? nil : output.irregularity), at: index)
            }
                + missing(node, outputs.count, isConstant, at: index)
        } catch {
            guard isConstant, !rule.isOpaque else {
                let fault = mixing ?? rule.unknownSizes(of: inputs) ?? error
                return mixed(node, fault, at: index)
            }
            return node.outputs.map { _ in TensorFacts() }
        }
    }

    /// The facts without known numbers that a run may compute otherwise, since they overflow.
    private func withoutOverflow(_ facts: TensorFacts) -> TensorFacts {
        guard let numbers = facts.numbers else { return facts }
        var facts = facts
        let bits = facts.type == OnnxType.int64 ? 62 : 31
        facts.numbers = numbers.map { number in
            guard let number, number.number != nil || symbols.fits(number, bits: bits) else {
                return nil
            }
            return number
        }
        return facts
    }

    private func rule(of name: OperatorName, for node: GraphNode) -> OperatorRule? {
        let newest = GraphLimits.newestOperatorSets[name.domain]
        guard !graph.functions.contains(name), !node.repeatsAttribute,
            !node.attributes.values.contains(where: \.hasGraph) || Self.isSubgraphOperator(name),
            newest.map({ (graph.operatorSets[name.domain] ?? 1) <= $0 }) ?? true
        else { return nil }
        return OperatorTable.rule(of: name)
    }

    private static func isSubgraphOperator(_ name: OperatorName) -> Bool {
        OperatorTable.rule(of: name)?.isOpaque ?? false
    }

    private static let unknownInput = TensorFacts(
        rows: .mixed(RowFault("takes a tensor that no node before it computes"))
    )

    private static func unknown(_ name: OperatorName, in graph: ModelGraph) -> RowFault {
        if graph.functions.contains(name) { return RowFault("is a function of the model") }
        let domain = name.domain == "" ? "" : " of domain \(quoted(name.domain.text))"
        return RowFault("is not an operator that the analysis knows\(domain)")
    }

    private mutating func finished(
        _ output: TensorFacts,
        _ mixing: RowFault?,
        at index: Int
    ) -> TensorFacts {
        var output = bounded(output)
        if let mixing {
            output.rows = .mixed(mixing)
        } else if case .mixed(let fault) = output.rows {
            output.rows = .mixed(placed(fault, at: index))
        }
        if let padding = output.padding { output.padding?.fault = placed(padding.fault, at: index) }
        return output
    }

    private func placed(_ fault: RowFault, at index: Int) -> RowFault {
        var fault = fault
        fault.node = fault.node ?? index
        return fault
    }

    private func mixed(_ node: GraphNode, _ fault: RowFault, at index: Int) -> [TensorFacts] {
        node.outputs.map { _ in TensorFacts(rows: .mixed(placed(fault, at: index))) }
    }

    private func missing(
        _ node: GraphNode,
        _ count: Int,
        _ isConstant: Bool,
        at index: Int
    ) -> [TensorFacts] {
        guard count < node.outputs.count else { return [] }
        let fault = placed(RowFault("has an output that the analysis does not follow"), at: index)
        let facts = TensorFacts(rows: isConstant ? .same : .mixed(fault))
        return [TensorFacts](repeating: facts, count: node.outputs.count - count)
    }

    private mutating func note(_ call: OperatorCall, at index: Int) {
        let types = call.inputs.compactMap { $0?.type }
        var level = types.map { call.stability.level(of: $0) }.max() ?? .exact
        if fusedMeans.contains(index), types.first == OnnxType.float { level = .rowCount }
        guard level > precision else { return }
        precision = level
        imprecise = index
    }

    private func drawsRandomly(_ node: GraphNode) -> Bool {
        guard node.domain == "" else { return false }
        if OperatorTable.random.contains(node.type) { return node.attributes["seed"] == nil }
        guard node.type == "Dropout", node.inputs.count > 2, node.inputs[2] != "" else {
            return false
        }
        return facts[node.inputs[2]]?.onlyValue != .number(0)
    }
}
