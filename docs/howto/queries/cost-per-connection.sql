-- What Quick's queries cost each consumer account, by profile and day.
-- Table: a CUR 2.0 export (AWS Data Exports) of the management account, with resource IDs, hourly or daily.
-- The resource ID of an Athena line is the ARN of the workgroup; ours are quick-athena-<profile>.
SELECT
    CAST(line_item_usage_start_date AS date) AS usage_date,
    line_item_usage_account_id AS account_id,
    split_part(line_item_resource_id, ':workgroup/quick-athena-', 2) AS profile,
    SUM(line_item_usage_amount) AS terabytes_scanned,
    SUM(line_item_unblended_cost) AS cost,
    line_item_currency_code AS currency
FROM cur2
WHERE line_item_product_code = 'AmazonAthena'
  AND line_item_line_item_type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
  AND line_item_usage_type LIKE '%DataScannedInTB'
  AND line_item_resource_id LIKE '%:workgroup/quick-athena-%'
GROUP BY
    CAST(line_item_usage_start_date AS date),
    line_item_usage_account_id,
    split_part(line_item_resource_id, ':workgroup/quick-athena-', 2),
    line_item_currency_code
ORDER BY usage_date, account_id, profile
