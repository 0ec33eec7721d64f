"""Pictures of figures: each screen as a Vega-Lite chart whose data is aggregated, that shows and saves itself."""
