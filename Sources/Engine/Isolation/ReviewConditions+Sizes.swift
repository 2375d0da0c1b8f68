internal import Text

extension ReviewCondition {
    /// Kernels for blocks of channels divide by the sizes of a picture. The batch may have no
    /// images; each other dimension of the input and of the output has a fixed size other than 0.
    static let hasPlaces = ReviewCondition(
        otherwise: "a request may leave a picture without elements, which ends the process"
    ) { node in
        [node.input(0), node.outputs.first].allSatisfy { facts in
            facts??.shape?.dropFirst().allSatisfy { ($0?.number ?? 0) > 0 } ?? false
        }
    }

    /// The time for an element of the output grows with the window, whatever the request.
    static let smallWindow = ReviewCondition(
        otherwise: "its window may have more than \(maxWindow) elements"
    ) { node in
        guard let kernel = node.node.attributes["kernel_shape"], kernel.isComplete else {
            return false
        }
        return isSmall(kernel.ints)
    }

    /// As ``smallWindow``, for the weights of a convolution.
    static func smallKernel(_ index: Int) -> ReviewCondition {
        ReviewCondition(otherwise: "its kernel may have more than \(maxWindow) places") { node in
            isSmall(node.input(index)?.shape?.dropFirst(2).map { $0?.number ?? 0 } ?? [])
        }
    }

    private static func isSmall(_ sizes: [Int64]) -> Bool {
        var product: Int64 = 1
        for size in sizes {
            guard (1...maxWindow).contains(size) else { return false }
            product *= size
            guard product <= maxWindow else { return false }
        }
        return !sizes.isEmpty
    }

    /// Elements of a window: 32 x 32.
    static let maxWindow: Int64 = 1_024

    /// The kernels divide by the number of groups.
    static let group = attribute("group", in: 1...maxGroups, default: 1)

    private static let maxGroups = Int64(Int32.max)

    /// An attribute of a whole number that lies within bounds.
    static func attribute(
        _ name: ExactString,
        in range: ClosedRange<Int64>,
        default value: Int64? = nil
    ) -> ReviewCondition {
        let otherwise =
            "its \(name.text) is not between \(range.lowerBound) and \(range.upperBound)"
        return ReviewCondition(otherwise: otherwise) { node in
            let given = node.node.attributes[name]
            guard let number = given == nil ? value : given?.int else { return false }
            return range.contains(number)
        }
    }

    /// Elements of a side of a block.
    static let maxBlock: Int64 = 1_024
    /// Channels that LRN sums up.
    static let maxNeighbours: Int64 = 15

    /// The kernel takes the place in the second tensor modulo its size.
    static let skipHasElements = ReviewCondition(
        otherwise: "its second input may have no elements, which ends the process"
    ) { node in
        guard let shape = node.input(0)?.shape, let skip = node.input(1)?.shape,
            (shape.last??.number ?? 0) > 0
        else { return false }
        return shape == skip && !shape.contains(nil)
            || skip.allSatisfy { ($0?.number ?? 0) > 0 }
    }

    /// The runtime merges the sum of two tensors with the layer normalisation after it, where both
    /// name their sizes alike, into the kernel of ``skipHasElements``.
    static let mergesWithElements = ReviewCondition(
        otherwise: "merged with a normalisation it ends the process where an input has no elements"
    ) { node in
        guard node.graph.hasNormalization, node.isVariable(0), node.isVariable(1) else {
            return true
        }
        guard let left = node.input(0)?.shape, let right = node.input(1)?.shape else {
            return false
        }
        // The merged kernel takes at least 3 dimensions.
        return max(left.count, right.count) < 3 || left == right && !left.contains(nil)
            || [left, right].contains { $0.allSatisfy { ($0?.number ?? 0) > 0 } }
    }

    /// Integers are looked up in a table whose hash is the number itself, so that a model may have
    /// keys that all collide.
    static let fewKeys = ReviewCondition(
        otherwise: "its time grows with more than \(maxKeys) keys whose hashes may collide"
    ) { node in
        node.integerKeys <= maxKeys
    }

    private static let maxKeys = 1_024
}

extension ReviewedNode {
    /// The keys among which the elements of integers are looked up.
    var integerKeys: Int { input(0)?.type == OnnxType.string ? 0 : count("cats_int64s") }
}
