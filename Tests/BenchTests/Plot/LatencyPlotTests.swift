import Foundation
import FoundationXML
import Testing

@testable import Bench

@Suite("Latency plot")
struct LatencyPlotTests {
    private func histogram(_ values: [UInt64]) -> Histogram {
        values.reduce(into: Histogram()) { $0.record(nanoseconds: $1) }
    }

    @Test("is XML with a curve for each histogram that has values, inside its frame")
    func plot() throws {
        let plot = LatencyPlot(
            title: "a <b> & c",
            curves: [
                ("one", histogram((1...1_000).map { $0 * 1_000 })),
                ("none", Histogram()), ("same", histogram([1, 1, 1])),
            ]
        )
        let document = try XMLDocument(xmlString: plot.svg)
        let root = try #require(document.rootElement())
        let curves = root.elements(forName: "polyline")
        #expect(curves.count == 2)
        for curve in curves {
            let points = try #require(curve.attributes?.first { $0.name == "points" }?.stringValue)
            for point in points.split(separator: " ") {
                let parts = point.split(separator: ",").compactMap { Double($0) }
                #expect(parts.count == 2)
                #expect((80...580).contains(parts[0]) && (40...370).contains(parts[1]))
            }
        }
        #expect(root.elements(forName: "text").contains { $0.stringValue == "a <b> & c" })
    }

    @Test("without any value it is a frame")
    func empty() throws {
        let document = try XMLDocument(xmlString: LatencyPlot(title: "", curves: []).svg)
        #expect(document.rootElement()?.elements(forName: "polyline").isEmpty == true)
    }
}
