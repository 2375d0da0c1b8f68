/// A plot of latency over quantiles as SVG: both axes logarithmic, the quantiles by their distance
/// from 1, so that the slowest calls have room.
package struct LatencyPlot {
    private static let width = 760.0
    private static let height = 420.0
    private static let left = 80.0
    private static let right = 180.0
    private static let top = 40.0
    private static let bottom = 50.0
    /// Colours that people with any colour vision tell apart (Okabe and Ito).
    private static let colours = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
    ]
    private static let ticks: [(quantile: Double, text: String)] = [
        (0, "min"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
    ]
    private static let pointsPerDecade = 25

    private let title: String
    private let curves: [(name: String, latencies: Histogram)]
    /// Powers of ten of nanoseconds that the vertical axis has.
    private let powers: ClosedRange<Int>

    package init(title: String, curves: [(name: String, latencies: Histogram)]) {
        self.title = title
        self.curves = curves.filter { $0.latencies.count > 0 }
        let values = self.curves.flatMap { [$0.latencies.value(at: 0), $0.latencies.max] }
        let low = Self.log10(Double(max(values.min() ?? 1_000, 1)))
        let high = Self.log10(Double(max(values.max() ?? 1_000_000, 1)))
        powers = Int(low.rounded(.down))...max(Int(high.rounded(.up)), Int(low.rounded(.down)) + 1)
    }

    /// The document.
    package var svg: String {
        var lines = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \
            \(Int(Self.height))" font-family="sans-serif" font-size="12">
            """,
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            text(Self.left, 22, title, size: 15),
        ]
        for power in powers { lines += horizontal(power) }
        for tick in Self.ticks { lines += vertical(tick.quantile, tick.text) }
        for (index, curve) in curves.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            lines.append(
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\""
                    + points(curve.latencies) + "\"/>"
            )
            let y = Self.top + 16 * Double(index) + 8
            lines.append(text(Self.width - Self.right + 10, y, curve.name, colour: colour))
        }
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    private func horizontal(_ power: Int) -> [String] {
        let y = self.y(Double(power))
        let names = [
            "1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms",
            "100 ms", "1 s", "10 s", "100 s", "1000 s", "10000 s",
        ]
        return [
            line(Self.left, y, Self.width - Self.right, y),
            text(Self.left - 6, y + 4, names[min(max(power, 0), names.count - 1)], anchor: "end"),
        ]
    }

    private func vertical(_ quantile: Double, _ label: String) -> [String] {
        let x = self.x(quantile)
        return [
            line(x, Self.top, x, Self.height - Self.bottom),
            text(x, Self.height - Self.bottom + 18, label, anchor: "middle"),
        ]
    }

    private func points(_ latencies: Histogram) -> String {
        let decades = 4
        return (0...decades * Self.pointsPerDecade).map { step in
            let nines = Double(step) / Double(Self.pointsPerDecade)
            let quantile = 1 - Self.power10(-nines)
            let value = Double(max(latencies.value(at: quantile), 1))
            return "\(Self.short(x(quantile))),\(Self.short(y(Self.log10(value))))"
        }.joined(separator: " ")
    }

    private func x(_ quantile: Double) -> Double {
        let nines = -Self.log10(max(1 - quantile, 1e-4))
        return Self.left + (Self.width - Self.left - Self.right) * nines / 4
    }

    private func y(_ power: Double) -> Double {
        let share = (power - Double(powers.lowerBound)) / Double(powers.count - 1)
        return Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * share
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line x1=\"\(Self.short(x1))\" y1=\"\(Self.short(y1))\" x2=\"\(Self.short(x2))\" "
            + "y2=\"\(Self.short(y2))\" stroke=\"#ddd\"/>"
    }

    private func text(
        _ x: Double,
        _ y: Double,
        _ content: String,
        size: Int = 12,
        anchor: String = "start",
        colour: String = "#333"
    ) -> String {
        let escaped = content.reduce(into: "") { result, character in
            switch character {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            default: result.append(character)
            }
        }
        return "<text x=\"\(Self.short(x))\" y=\"\(Self.short(y))\" font-size=\"\(size)\" "
            + "text-anchor=\"\(anchor)\" fill=\"\(colour)\">\(escaped)</text>"
    }

    /// One digit after the point is more than a screen shows.
    private static func short(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
