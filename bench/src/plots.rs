//! The same as pictures.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::{
    contender::Contender::{self, ChatServer, Limit, Node, NodeUws, Socketioxide},
    question::short,
    samples::{Figure, Samples},
};

const SIZE: (u32, u32) = (760, 420);
const ROOMS: [u32; 3] = [10, 100, 1_000];
const COLOURS: [(Contender, RGBColor); 5] = [
    (ChatServer, RGBColor(0xc0, 0x39, 0x2b)),
    (Node, RGBColor(0x27, 0x6e, 0x3a)),
    (NodeUws, RGBColor(0x7f, 0xb0, 0x3c)),
    (Socketioxide, RGBColor(0x2c, 0x5a, 0xa0)),
    (Limit, RGBColor(0x70, 0x70, 0x70)),
];

/// A picture of how a figure goes with the size of rooms.
struct Plot {
    file: &'static str,
    title: &'static str,
    /// Of the rows, before the size.
    rows: &'static str,
    figure: Figure,
}

/// Whose it is, its colour, and its points.
type Line = (Contender, RGBColor, Vec<(f64, f64)>);

const PLOTS: [Plot; 4] = [
    Plot {
        file: "deliveries.svg",
        title: "Deliveries per CPU second of the server (typing), by users in a room",
        rows: "typing",
        figure: |values| Some(values.get("deliveries")? / values.get("server CPU")?),
    },
    Plot {
        file: "latency.svg",
        title: "p99 of a delivery (typing, 30,000 a second), ms, by users in a room",
        rows: "typing",
        figure: |values| values.get("delivery p99").copied(),
    },
    Plot {
        file: "messages.svg",
        title: "Deliveries per CPU second of all processes (messages), by users in a room",
        rows: "messages",
        figure: |values| {
            let cpu = ["server CPU", "redis CPU", "database CPU"].map(|name| values.get(name));
            let cpu = cpu.into_iter().sum::<Option<f64>>()?;
            Some(values.get("deliveries")? / cpu)
        },
    },
    Plot {
        file: "message-latency.svg",
        title: "p99 of a delivery (messages, 30,000 a second), ms, by users in a room",
        rows: "messages",
        figure: |values| values.get("delivery p99").copied(),
    },
];

/// Draws what was measured into that folder.
///
/// # Errors
/// A file cannot be written.
pub fn draw(samples: &Samples, folder: &Path) -> Result<(), Box<dyn Error>> {
    for plot in PLOTS {
        let lines = COLOURS.map(|(contender, colour)| {
            let points = ROOMS.iter().filter_map(|room| {
                let row = format!("{}-{room}", plot.rows);
                let spread = samples.spread(&row, contender, plot.figure)?;
                Some((f64::from(*room), spread.median))
            });
            (contender, colour, points.collect::<Vec<_>>())
        });
        if lines.iter().any(|(_, _, points)| !points.is_empty()) {
            plot.draw(&lines, folder)?;
        }
    }
    Ok(())
}

impl Plot {
    fn draw(&self, lines: &[Line], folder: &Path) -> Result<(), Box<dyn Error>> {
        let file = folder.join(self.file);
        let area = SVGBackend::new(&file, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let heights = lines
            .iter()
            .flat_map(|(_, _, points)| points)
            .map(|(_, height)| *height);
        let (least, most) = heights.fold((f64::MAX, 0.0_f64), |(least, most), height| {
            (least.min(height), most.max(height))
        });
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (8.0..1_250.0_f64).log_scale(),
                (least * 0.8..most * 1.25).log_scale(),
            )?;
        (chart.configure_mesh())
            .light_line_style(RGBColor(0xee, 0xee, 0xee))
            .x_label_formatter(&|users| format!("{users:.0}"))
            .y_label_formatter(&|figure| short(*figure))
            .draw()?;
        for (contender, colour, points) in lines.iter().filter(|(_, _, points)| !points.is_empty())
        {
            let style = colour.stroke_width(2);
            (chart.draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))?)
                .label(contender.title().replace('`', ""))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        (chart.configure_series_labels())
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(0xcc, 0xcc, 0xcc))
            .draw()?;
        area.present()?;
        Ok(())
    }
}
