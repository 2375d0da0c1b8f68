internal import Hosting
internal import Sealing

/// The runs on synthetic inputs that a load leaves out, since they ended the process of an earlier
/// load of the version.
///
/// A crash on inputs that no caller sent is no proof that the model is wrong: kernels end the
/// process for sizes that real requests do not have. A golden request is never left out.
struct OmittedRuns: Sendable, Equatable {
    /// The reason why a version is not merged whose comparisons are left out, as a clause.
    static let whyUnmerged = "the comparison of its runs ended its process"

    /// The left-out attempts of the warm-up, by their indices in ``WarmUp/attempts``, each with the
    /// failure that stands for it.
    var warmUps: [Int: String] = [:]
    /// Whether the comparisons of repeated and of merged runs are left out.
    var omitsComparisons = false

    var isEmpty: Bool { warmUps.isEmpty && !omitsComparisons }

    /// The runs that the next load leaves out, after one that left out these.
    ///
    /// - Parameters:
    ///   - end: The end of the host that loaded the version.
    ///   - step: The last step that it began; nil: none.
    /// - Returns: nil if the end is the end of the load: it was no crash, or not on synthetic
    ///   inputs, or in a run that was left out.
    func after(_ end: HostEnd, in step: LoadStep?) -> OmittedRuns? {
        guard case .killed(let signal) = end, SignalName.isFault(signal) else { return nil }
        var next = self
        switch step {
        case .warmUp(let attempt):
            next.warmUps[attempt] = "it ended the model's process (\(SignalName.of(signal)))"
        case .rows: next.omitsComparisons = true
        case .load, .golden, nil: return nil
        }
        let isNew = next.warmUps.count > warmUps.count || next.omitsComparisons != omitsComparisons
        return isNew ? next : nil
    }
}
