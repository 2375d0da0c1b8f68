/// Writes metrics in Prometheus' text format, version 0.0.4.
package struct Exposition: Sendable {
    /// The media type of the text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What a metric is, as the format names it.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// Labels in the order in which they are written; one with an empty value is left out, which
    /// means the same.
    package typealias Labels = KeyValuePairs<String, String>

    package private(set) var text = ""

    package init() {}

    /// Writes a metric with all its samples; nothing if there are none.
    package mutating func write(
        _ kind: Kind,
        _ name: String,
        _ help: String,
        _ samples: (inout Samples) -> Void
    ) {
        var written = Samples(name: name)
        samples(&written)
        guard !written.text.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n"
        text += "# TYPE \(name) \(kind.rawValue)\n"
        text += written.text
    }

    /// The samples of one metric.
    package struct Samples {
        fileprivate let name: String
        fileprivate var text = ""

        package mutating func add(_ value: UInt64, _ labels: Labels = [:]) {
            line(name, Self.joined(labels), "\(value)")
        }

        /// Adds a time, shown in seconds.
        package mutating func add(nanoseconds: UInt64, _ labels: Labels = [:]) {
            line(name, Self.joined(labels), Exposition.seconds(nanoseconds))
        }

        /// Adds a histogram: its buckets, each with those below it, its sum and its count.
        package mutating func add(_ histogram: Histogram.Snapshot, _ labels: Labels = [:]) {
            let labels = Self.joined(labels)
            let separator = labels.isEmpty ? "" : ","
            let unit = histogram.buckets.unit
            var below: UInt64 = 0
            for (index, count) in histogram.counts.enumerated() {
                below &+= count
                let bound =
                    index < histogram.buckets.bounds.count
                    ? Exposition.number(histogram.buckets.bounds[index], unit) : "+Inf"
                line(name + "_bucket", labels + separator + "le=\"\(bound)\"", "\(below)")
            }
            line(name + "_sum", labels, Exposition.number(histogram.sum, unit))
            line(name + "_count", labels, "\(below)")
        }

        private mutating func line(_ name: String, _ labels: String, _ value: String) {
            text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
        }

        private static func joined(_ labels: Labels) -> String {
            labels.lazy.filter { !$0.value.isEmpty }
                .map { "\($0.key)=\"\(Exposition.escaped($0.value, quotes: true))\"" }
                .joined(separator: ",")
        }
    }

    /// As the format wants the text of a help, or with `quotes` the value of a label.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func number(_ value: UInt64, _ unit: Buckets.Unit) -> String {
        switch unit {
        case .one: "\(value)"
        case .nanoseconds: seconds(value)
        }
    }

    /// Exact: the digits that a whole number of nanoseconds has, without zeros at the end.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
