/// How far the load of a version has come.
enum LoadStep: Sendable, Equatable {
    /// The engine makes a model of its files.
    case load
    /// A run of a version without golden requests: an index in ``WarmUp/attempts``.
    case warmUp(attempt: Int)
    /// A golden request, by its path in the bundle.
    case golden(String)
    /// The comparisons of repeated and of merged runs.
    case rows

    /// Behind "the process ended", for messages.
    var place: String {
        switch self {
        case .load: "while the model was loaded"
        case .warmUp: "in its warm-up run"
        case .golden(let path): "in golden request \(path)"
        case .rows: "in the comparison of its runs"
        }
    }
}
