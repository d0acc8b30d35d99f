-- Athena's cost in each consumer account that is not in a workgroup of ours, by workgroup and month: other people's
-- queries, and those of profiles that name a workgroup of the account's own (work_group in profiles.yaml).
SELECT
    bill_billing_period_start_date AS billing_period,
    line_item_usage_account_id AS account_id,
    split_part(line_item_resource_id, ':workgroup/', 2) AS work_group,
    SUM(line_item_usage_amount) AS terabytes_scanned,
    SUM(line_item_unblended_cost) AS cost,
    line_item_currency_code AS currency
FROM cur2
WHERE line_item_product_code = 'AmazonAthena'
  AND line_item_line_item_type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
  AND line_item_usage_type LIKE '%DataScannedInTB'
  AND line_item_resource_id NOT LIKE '%:workgroup/quick-athena-%'
GROUP BY
    bill_billing_period_start_date,
    line_item_usage_account_id,
    split_part(line_item_resource_id, ':workgroup/', 2),
    line_item_currency_code
ORDER BY billing_period, account_id, work_group
