internal import Text

extension ReviewCondition {
    /// Integer division traps on INT_MIN / -1; a division by 0 is an error of the run.
    static let safeDivisor = ReviewCondition(
        otherwise: "the divisor of its integers may be 0 or -1"
    ) { node in
        let types = node.inputs.map { $0?.type ?? 0 }
        guard !types.allSatisfy(floats.contains) else { return true }
        guard let divisors = node.constants(1) else { return false }
        return divisors.allSatisfy { $0 != 0 && $0 != -1 }
    }

    private static let floats: Set<Int32> = [
        OnnxType.float, OnnxType.double, OnnxType.float16, OnnxType.bfloat16,
    ]

    /// A Dropout that draws random numbers makes what follows differ from run to run, constants
    /// included.
    static let notTraining = ReviewCondition(otherwise: "it may draw random numbers") { node in
        node.input(2) == nil || node.constants(2) == [0]
    }

    /// The kernel ends the process on a tensor without elements.
    static let hasElements = ReviewCondition(
        otherwise: "a request may give it a tensor without elements, which ends the process"
    ) { node in
        node.inputs.allSatisfy { facts in
            guard let facts else { return true }
            return facts.shape?.allSatisfy { ($0?.number ?? 0) > 0 } ?? false
        }
    }

    /// The time of a product of two matrices of a request is not in proportion to their sizes.
    static func fixedInnerSize(_ left: Int, _ right: Int) -> ReviewCondition {
        ReviewCondition(
            otherwise: "it multiplies two matrices of a request whose inner size is free"
        ) { node in
            guard node.isVariable(left), node.isVariable(right) else { return true }
            guard let shape = node.input(left)?.shape else { return false }
            let isTransposed = node.node.attributes["transA"]?.int ?? 0 != 0
            let inner = isTransposed ? shape.dropLast().last : shape.last
            return inner??.number != nil
        }
    }

    /// Inputs that are of fixed sizes, none of which is 0: kernels divide by them.
    static func fixedSizes(_ indices: Int..., called name: String) -> ReviewCondition {
        ReviewCondition(otherwise: "a size of its \(name) is free or 0") { node in
            indices.allSatisfy { index in
                guard let facts = node.input(index) else { return true }
                return facts.shape?.allSatisfy { ($0?.number ?? 0) > 0 } ?? false
            }
        }
    }

    /// Inputs whose values no request decides.
    static func constant(_ indices: Int..., called name: String) -> ReviewCondition {
        ReviewCondition(otherwise: "values of a request decide its \(name)") { node in
            indices.allSatisfy { !node.isVariable($0) }
        }
    }

    /// `std::sort` of more elements may leave its range where NaN breaks the order.
    static let sortsFew = ReviewCondition(
        otherwise: "it may sort more than \(maxSorted) elements, and NaN breaks their order"
    ) { node in
        if let type = node.input(0)?.type, OnnxType.integers.contains(type) { return true }
        let count =
            node.version < 10 ? node.node.attributes["k"]?.int : node.constants(1)?.first
        return count.map { $0 <= maxSorted } ?? false
    }

    /// Elements that `std::sort` puts in order without a partition.
    static let maxSorted: Int64 = 16

    // MARK: Attributes that kernels trust

    /// The lists of a linear model have the lengths that its kernel computes with.
    static let linearLists = ReviewCondition(
        otherwise: "the lengths of its attributes do not fit its features"
    ) { node in
        guard let features = node.input(0)?.shape?.last??.number, features >= 0 else {
            return false
        }
        let intercepts = node.count("intercepts")
        let labels = node.labels("classlabels_ints", "classlabels_strings")
        let targets = node.node.attributes["targets"]?.int ?? 1
        let isClassifier = node.node.type == "LinearClassifier"
        let scores = isClassifier ? Int64(intercepts) : targets
        // A model of two classes may have the scores of one.
        let hasLabels = labels == intercepts || labels == 2 && intercepts == 1
        guard scores >= 1, scores <= maxScores, hasLabels || !isClassifier,
            isClassifier || intercepts == 0 || Int64(intercepts) == targets
        else { return false }
        let (weights, overflow) = scores.multipliedReportingOverflow(by: features)
        return !overflow && Int64(node.count("coefficients")) == weights
    }

    private static let maxScores: Int64 = 1 << 20

    /// The indices of a tree ensemble lie within the features, and within the classes or targets.
    static let treeIndices = ReviewCondition(
        otherwise: "its attributes name features, classes or targets that do not exist"
    ) { node in
        guard let features = node.input(0)?.shape?.last??.number else { return false }
        let isClassifier = node.node.type == "TreeEnsembleClassifier"
        let labels = node.labels("classlabels_int64s", "classlabels_strings")
        let scores =
            isClassifier ? Int64(labels) : node.node.attributes["n_targets"]?.int ?? 1
        let targets: ExactString = isClassifier ? "class_ids" : "target_ids"
        return lies("nodes_featureids", below: features, node)
            && lies(targets, below: scores, node)
    }

    private static func lies(
        _ attribute: ExactString,
        below limit: Int64,
        _ node: ReviewedNode
    ) -> Bool {
        guard let range = node.node.attributes[attribute]?.intRange else { return false }
        return range.lowerBound >= 0 && range.upperBound < limit
    }
}

extension ReviewedNode {
    /// The classes of a classifier, which has one list of them; 0 if it has two.
    fileprivate func labels(_ numbers: ExactString, _ texts: ExactString) -> Int {
        count(numbers) > 0 && count(texts) > 0 ? 0 : max(count(numbers), count(texts))
    }
}
