import Testing

@testable import Engine

extension GraphCase {
    /// The verdict on the process that the model may run in.
    func isolation(growth: Int = EngineLimits.defaultGrowth) -> IsolationVerdict {
        isolationVerdict(graph.bytes, growth: growth)
    }
}

extension TestGraph {
    var isolation: IsolationVerdict { isolationVerdict(bytes) }
}

/// The verdict on a model's bytes.
func isolationVerdict(_ model: [UInt8], growth: Int = EngineLimits.defaultGrowth)
    -> IsolationVerdict
{
    model.withBytes { IsolationAnalysis.result(of: $0, growth: growth).verdict }
}

/// Whether values may decide the time of a run of the model.
func timeDependsOnValues(_ graph: TestGraph) -> Bool {
    graph.bytes.withBytes {
        IsolationAnalysis.result(of: $0, growth: EngineLimits.defaultGrowth).timeDependsOnValues
    }
}

extension IsolationVerdict {
    /// The reason of a verdict that asks for a host, with its node; empty for `safe`.
    var text: String {
        switch self {
        case .safe: ""
        case .needsHost(let why, let node): "\(why), \(node ?? "no node")"
        }
    }
}
