internal import Text

/// The analysis of a model's graph that proves that no request can end, exhaust or stall the
/// process in which the model runs.
///
/// Each operator has to be on the list of ``IsolationTable``, and each intermediate has to have a
/// proved size: at most ``RequestBytes/growth`` times the bytes of the request and
/// ``RequestBytes/maxConstantBytes`` more. Every node counts, also one that no output needs: the
/// runtime runs it. The size of a node that no input reaches does not: a request does not change
/// what it does.
struct IsolationAnalysis {
    /// The result.
    struct Result {
        let verdict: IsolationVerdict
        /// Whether values may decide the time of a run: where the verdict is not `safe`, and where
        /// they do within the proved sizes.
        let timeDependsOnValues: Bool
    }

    private var analysis: GraphAnalysis
    private var request: RequestBytes
    /// The tensors that a request decides.
    private var variable: Set<ExactString> = []
    private var timeDependsOnValues = false
    private let reviewed: ReviewedGraph
    private var live: LiveTensors

    private var graph: ModelGraph { analysis.graph }

    /// Analyses a graph. It takes time in proportion to the graph.
    ///
    /// - Parameter growth: The most bytes of an intermediate for each byte of a request.
    static func result(of graph: ModelGraph, growth: Int) -> Result {
        var analysis = IsolationAnalysis(of: graph, growth: growth)
        let verdict = analysis.run()
        let isSlow = verdict != .safe || analysis.timeDependsOnValues
        return Result(verdict: verdict, timeDependsOnValues: isSlow)
    }

    /// Analyses a model's file.
    static func result(of model: RawSpan, growth: Int) -> Result {
        do throws(EngineError) {
            return result(of: try GraphReader.graph(of: model), growth: growth)
        } catch {
            let why = GraphAnalysis.unreadable(error)
            return Result(verdict: .needsHost(why: why, node: nil), timeDependsOnValues: true)
        }
    }

    private init(of graph: ModelGraph, growth: Int) {
        analysis = GraphAnalysis(of: graph)
        reviewed = ReviewedGraph(graph)
        live = LiveTensors(graph)
        request = RequestBytes(growth: growth, longestText: graph.longestTextBytes)
    }

    private mutating func run() -> IsolationVerdict {
        if let why = analysis.declareSeparateInputs() { return .needsHost(why: why, node: nil) }
        let constants = Set(graph.initializers.map(\.name))
        for (index, input) in graph.inputs.enumerated() {
            variable.insert(input.name)
            guard !constants.contains(input.name), let facts = analysis.facts[input.name] else {
                // Before version 4 of the format no request can replace a constant.
                if graph.irVersion < 4 { variable.remove(input.name) }
                continue
            }
            request.add(input: index, facts)
        }
        for index in graph.nodes.indices {
            guard let why = fault(at: index) else { continue }
            return .needsHost(why: why, node: analysis.describe(index))
        }
        return .safe
    }

    /// The clause that says what values of a request may do at a node; nil for nothing.
    private mutating func fault(at index: Int) -> String? {
        let node = graph.nodes[index]
        let name = OperatorName(node.domain, node.type)
        if graph.functions.contains(name) { return "it is a function of the model" }
        guard let review = IsolationTable.review(of: name) else {
            return "it is not an operator whose kernel is reviewed"
        }
        guard review.isSafe else { return review.note }
        guard !node.repeatsAttribute else { return "it has two attributes of one name" }
        guard !node.attributes.values.contains(where: \.hasGraph) else {
            return "it runs a part of the graph"
        }
        guard graph.isReviewed(name.domain) else {
            return "its version of the operators is older or newer than those that are reviewed"
        }
        for input in node.inputs where input != "" && analysis.facts[input] == nil {
            return "it takes a tensor that no node before it computes"
        }
        let inputs = node.inputs.map { $0 == "" ? nil : analysis.facts[$0] }
        let isVariable = node.inputs.map { variable.contains($0) }
        let (outputs, repeated) = analysis.follow(index)
        if let repeated { return "tensor \(quoted(repeated.text)) is computed twice" }
        if isVariable.contains(true) { variable.formUnion(node.outputs) }
        return fault(
            of: ReviewedNode(
                node: node,
                version: graph.operatorSets[name.domain] ?? 1,
                inputs: inputs,
                isVariable: isVariable,
                outputs: outputs,
                symbols: analysis.symbols,
                graph: reviewed
            ),
            at: index,
            by: review,
            sizes: OperatorTable.rule(of: name)?.sizeInputs ?? []
        )
    }

    private mutating func fault(
        of node: ReviewedNode,
        at index: Int,
        by review: OperatorReview,
        sizes: Set<Int>
    ) -> String? {
        for condition in review.conditions where !condition.holds(node) {
            return condition.otherwise
        }
        guard node.isVariable.contains(true) else { return nil }
        let takesText = node.inputs.indices.contains { index in
            node.isVariable[index] && node.inputs[index]?.type == OnnxType.string
        }
        if takesText, !review.takesText(node) { return "it may repeat a text of a request" }
        let isOpen = sizes.contains { index in
            node.isVariable(index) && node.input(index)?.hasKnownNumbers == false
                && !node.isShapeOnly
        }
        if isOpen || review.timeDependsOnValues(node) { timeDependsOnValues = true }
        guard let fault = sizeFault(of: node, at: index, by: review) else { return nil }
        return isOpen ? "values of a request decide the size of its output" : fault
    }

    private mutating func sizeFault(
        of node: ReviewedNode,
        at index: Int,
        by review: OperatorReview
    ) -> String? {
        for (name, facts) in zip(node.node.outputs, node.outputs) {
            // The runtime does not compute an output that is left out, save some whose shape the
            // rule knows.
            if name == "", facts.shape == nil { continue }
            var share = RequestShare()
            switch self.share(of: facts, node, review) {
            case .share(let proved): share = proved
            case .unproved(let why): return why
            }
            if facts.type == OnnxType.string { share.texts = 1 }
            if !review.keepsElements, let fault = request.fault(of: share) { return fault }
            live.add(share, of: name)
        }
        if let fault = request.fault(of: live.sum, times: LiveTensors.maxTensors) { return fault }
        live.drop(after: index, node.node)
        guard let scratch = review.scratch else { return nil }
        switch request.use(of: scratch(node), node.symbols) {
        case .share(let share): return request.fault(of: share)
        case .unproved(let why): return why
        }
    }

    /// The share of an output: what a node that keeps the elements takes, or what the sizes say.
    private func share(
        of facts: TensorFacts,
        _ node: ReviewedNode,
        _ review: OperatorReview
    ) -> Use {
        guard review.keepsElements else {
            let bound = request.bound(of: facts, node.symbols)?.scaled(by: review.workspace)
            return request.use(of: bound, exact: facts.exactSizes(node.symbols), node.symbols)
        }
        if let share = node.node.inputs.first.flatMap(live.share) { return .share(share) }
        guard let input = node.input(0), node.isVariable(0) else { return .share(RequestShare()) }
        let bound = request.bound(of: input, node.symbols)
        return request.use(of: bound, exact: input.exactSizes(node.symbols), node.symbols)
    }
}

extension TensorFacts {
    /// Whether each element is known, at least as a formula.
    fileprivate var hasKnownNumbers: Bool { numbers.map { !$0.contains(nil) } ?? false }
}

extension ReviewedNode {
    /// Whether only the shape of its input counts.
    fileprivate var isShapeOnly: Bool { ["Shape", "Size", "CastLike"].contains(node.type) }
}

extension ModelGraph {
    /// The oldest version of the default domain that ONNX Runtime promises to run.
    private static let oldestOperatorSet: Int64 = 7

    /// Whether the version of a domain's operators is one that the rules describe.
    fileprivate func isReviewed(_ domain: ExactString) -> Bool {
        let version = operatorSets[domain] ?? 1
        let oldest = domain.isEmpty ? Self.oldestOperatorSet : 1
        return (oldest...(GraphLimits.newestOperatorSets[domain] ?? .max)).contains(version)
    }

    /// The UTF-8 bytes of the longest text that a node may give for an element.
    fileprivate var longestTextBytes: Int {
        let attributes = nodes.lazy.flatMap(\.attributes.values).map(\.longestTextBytes)
        return max(attributes.max() ?? 0, initializers.lazy.map(\.longestTextBytes).max() ?? 0)
    }
}
